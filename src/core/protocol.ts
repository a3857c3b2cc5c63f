import type { ComponentType } from './describe.ts';
import { isClass } from './is-class.ts';

/** How a hand-written component is called. */
interface Protocol {
  readonly method: string;
  /** The call as it is written in messages. */
  readonly call: string;
  /** How many parameters the method may name. */
  readonly lengthMin: number;
  readonly lengthMax: number;
}

/**
 * The method of each protocol. That of a stage or sink is given its stream and nothing else: signal
 * and context come through `create` of a description.
 */
export const protocols: Readonly<Record<ComponentType, Protocol>> = {
  source: { method: 'stream', call: 'stream({ from, signal })', lengthMin: 0, lengthMax: 1 },
  stage: { method: 'transform', call: 'transform(stream)', lengthMin: 1, lengthMax: 1 },
  sink: { method: 'consume', call: 'consume(stream)', lengthMin: 1, lengthMax: 1 },
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
