import {
  endOfInput,
  type Flow,
  isCut,
  type Position,
  type Source,
  type SourceConnector,
} from '../core/index.ts';

/** A hand-written source as a connector. */
export interface HandWrittenSource extends SourceConnector {
  /** Called when the source says that everything it gave so far is covered by a position. */
  positioned: ((position: Position) => void) | undefined;
}

/**
 * Makes a connector of a hand-written source, whose own cuts say its positions. `open` takes the
 * signal of the whole stream. A stream that throws is opened again behind its last position, unless
 * that is where it began.
 */
export function connectorOf(source: Source): HandWrittenSource {
  let position: Position | undefined;
  let opened: Position | undefined;
  let whole: AbortSignal;
  let iterator: AsyncIterator<Flow> | undefined;
  const stream = (): AsyncIterator<Flow> => {
    opened = position;
    const from = position === undefined ? {} : { from: position };
    return source.stream({ ...from, signal: whole })[Symbol.asyncIterator]();
  };
  const connector: HandWrittenSource = {
    positioned: undefined,
    open(from, signal) {
      position = from;
      whole = signal;
      return Promise.resolve();
    },
    async read(signal) {
      for (;;) {
        try {
          iterator ??= stream();
          const next = await iterator.next();
          if (next.done === true) return endOfInput;
          if (!isCut(next.value)) return next.value;
          position = next.value.positions.get('') ?? position;
          if (position !== undefined) connector.positioned?.(position);
        } catch (error) {
          // A generator that threw is finished for ever: whoever reads on needs another.
          iterator = undefined;
          const { isDeepStrictEqual } = process.getBuiltinModule('node:util');
          const isStuck = position === undefined || isDeepStrictEqual(position, opened);
          if (isStuck || whole.aborted || signal.aborted) throw error;
        }
      }
    },
    position: () => position ?? null,
    close: async () => {
      await iterator?.return?.();
    },
  };
  if (source.acknowledge !== undefined) connector.acknowledge = source.acknowledge.bind(source);
  if (source.lag !== undefined) connector.lag = source.lag.bind(source);
  return connector;
}
