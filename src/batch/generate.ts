let generation: boolean | undefined;
let generated = 0;

/** Whether the runtime lets code be generated. */
export function canGenerate(): boolean {
  if (generation === undefined) {
    try {
      generation = (new Function('return true') as () => boolean)();
    } catch {
      generation = false;
    }
  }
  return generation;
}

/**
 * A function made of source text, which must hold nothing that came from outside but numbers and JSON
 * strings. Each text is unique, so that V8 keeps separate type feedback for each copy.
 */
export function generate(parameters: string[], body: string): (...values: unknown[]) => unknown {
  return new Function(
    ...parameters,
    `'use strict'; ${body}\n//# sourceURL=millrace-${++generated}`,
  ) as (...values: unknown[]) => unknown;
}
