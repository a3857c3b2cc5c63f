import { Batch, isCut, type JsonValue, type RecordOf, type Schema, type Stage } from 'millrace';

type Timed = {
  readonly time: 'timestamp';
  readonly celsius: 'float64';
  readonly humidity: 'float64';
};

/**
 * Puts late rows in their place: holds the newest `rowsHeld` rows and lets the older ones go.
 * The general form of a stage, a generator over the stream, for what holds rows or waits.
 */
export function inOrder(schema: Schema<Timed>, rowsHeld: number): Stage<Timed> {
  let held: RecordOf<Timed>[] = [];
  return {
    async *transform(stream) {
      for await (const flow of stream) {
        if (isCut(flow)) {
          // What is held stays held: `snapshot` gives it to the cut.
          yield flow;
          continue;
        }
        held.push(...flow.toRows());
        flow.release();
        held.sort((a, b) => a.time - b.time);
        const ready = held.length - rowsHeld;
        if (ready > 0) yield Batch.from(held.splice(0, ready), schema);
      }
      if (held.length > 0) yield Batch.from(held.splice(0), schema);
    },
    held: () => held.length,
    // A copy: it is saved while the rows here go on.
    snapshot: () => [...held] as JsonValue,
    restore: (state) => {
      held = [...(state as typeof held)];
    },
  };
}
