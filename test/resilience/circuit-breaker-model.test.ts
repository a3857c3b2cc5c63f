import fc from 'fast-check';
import { test } from 'vitest';

import { type CommandName, type Given, Pair, rules, weights } from './circuit-breaker-pair.ts';

// 100,000 sequences a night.
const runs = process.env['MILLRACE_NIGHTLY'] ? 100_000 : 10_000;

const settings: fc.Arbitrary<Given> = fc.record({
  rule: fc.nat(rules.length - 1),
  growth: fc.constantFrom(1, 2),
  probesMax: fc.integer({ min: 1, max: 3 }),
  successesToClose: fc.integer({ min: 1, max: 3 }),
});

const weighted = Object.entries(weights).flatMap(([name, weight]) =>
  Array<CommandName>(weight).fill(name as CommandName),
);

/** What to do, with which call or for how long, and whether to look at the breaker after it. */
const commands = fc.array(fc.tuple(fc.constantFrom(...weighted), fc.nat(17), fc.boolean()), {
  minLength: 1,
  maxLength: 40,
  size: 'max',
});

test(
  'whatever happens to it, a breaker does what the model does',
  { timeout: 900_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(settings, commands, async (given, sequence) => {
        const pair = new Pair(given);
        for (const [name, argument, looks] of sequence) {
          await pair.run(name, argument);
          if (looks) pair.look();
        }
        pair.look();
      }),
      { numRuns: runs },
    );
  },
);
