import type { ComponentType } from './describe.ts';
import { isClass } from './is-class.ts';

/** How a component is called. */
interface Protocol {
  /** The method of one that is written by hand. */
  readonly method: string;
  /** The call as it is written in messages. */
  readonly call: string;
  /** How many parameters the method may name. */
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** What describes one by an object with these other methods. */
  readonly define: string;
  readonly made: readonly string[];
  /** The one among them that takes its place. */
  readonly inner: string;
}

/**
 * The method of each protocol. That of a stage or sink is given its stream and nothing else: signal
 * and context come through `create` of a description.
 */
export const protocols: Readonly<Record<ComponentType, Protocol>> = {
  source: {
    method: 'stream',
    call: 'stream({ from, signal })',
    lengthMin: 0,
    lengthMax: 1,
    define: 'defineSource',
    made: ['open', 'read', 'position', 'close'],
    inner: 'read',
  },
  stage: {
    method: 'transform',
    call: 'transform(stream)',
    lengthMin: 1,
    lengthMax: 1,
    define: 'defineStage',
    made: ['process', 'snapshot', 'restore'],
    inner: 'process',
  },
  sink: {
    method: 'consume',
    call: 'consume(stream)',
    lengthMin: 1,
    lengthMax: 1,
    define: 'defineSink',
    made: ['open', 'write', 'commit', 'close'],
    inner: 'write',
  },
};

/** Whether a value has the method of a protocol. False too where looking at it throws. */
export function keepsProtocol(value: unknown, type: ComponentType): boolean {
  const { method, lengthMin, lengthMax } = protocols[type];
  try {
    const made = (value as Readonly<Record<string, unknown>> | null | undefined)?.[method];
    if (typeof made !== 'function' || isClass(made)) return false;
    return made.length >= lengthMin && made.length <= lengthMax;
  } catch {
    return false;
  }
}
