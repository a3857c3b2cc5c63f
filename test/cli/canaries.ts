import { expect } from 'vitest';

/** Twenty values that must not be seen anywhere, in several shapes. */
export const canaries: readonly string[] = Array.from(
  { length: 20 },
  (_, at) =>
    [`canary-${at}-7f3a`, `can"ary\\${at}`, `canary ${at} p@ss/w%rd`, `canary\u001b${at}`][at % 4]!,
);

export const canaryEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  canaries.map((value, at) => [`CANARY_${at}`, value]),
);

/** None is in a text: as it is, as JSON writes it once or twice, or as a URL does. */
export function expectNoCanary(texts: readonly string[]): void {
  const quoted = (text: string): string => JSON.stringify(text).slice(1, -1);
  for (const canary of canaries) {
    const forms = [canary, quoted(canary), quoted(quoted(canary)), encodeURIComponent(canary)];
    for (const form of forms) {
      const found = texts.find((text) => text.includes(form));
      const at = found?.indexOf(form) ?? 0;
      expect(found?.slice(Math.max(0, at - 100), at + 100)).toBeUndefined();
    }
  }
}
