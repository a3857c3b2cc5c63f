import { isDeepStrictEqual } from 'node:util';

/** Runs named checks one after the other and counts them, as every tool that CI runs does. */
export class Checks {
  #passed = 0;
  #failed = 0;

  /** A check passes unless it throws. */
  async run(name: string, check: () => void | Promise<void>): Promise<void> {
    try {
      await check();
      this.#passed++;
      process.stdout.write(`ok   ${name}\n`);
    } catch (error) {
      this.#failed++;
      const reason = error instanceof Error ? error.message : String(error);
      process.stdout.write(`FAIL ${name}\n     ${reason.replaceAll('\n', '\n     ')}\n`);
    }
  }

  /** Prints the count as the last line and sets the exit code. */
  finish(): void {
    process.stdout.write(`${this.#passed} passed, ${this.#failed} failed\n`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}

/** Throws with the first line that differs. */
export function assertSameText(actual: string, expected: string): void {
  const [is, should] = [actual.split('\n'), expected.split('\n')];
  if (isDeepStrictEqual(is, should)) return;
  const at = is.findIndex((line, index) => line !== should[index]);
  const line = at < 0 ? is.length : at;
  throw new Error(
    `line ${line + 1} is      ${is[line] ?? '(the end)'}\nexpected was ${should[line] ?? '(the end)'}`,
  );
}
