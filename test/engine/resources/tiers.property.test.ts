import fc from 'fast-check';
import { expect, test } from 'vitest';

import { VirtualClock } from '../../../src/core/index.ts';
import type { TieredPipelineContext } from '../../../src/engine/resources/index.ts';
import { lines } from './lines.ts';
import { tiered } from './tiered.ts';

/** What happens when it is tried: at once, after a wait, or with an error, or too late. */
const outcome = fc.record({
  waitMs: fc.constantFrom(0, 0, 1, 50, 400),
  fails: fc.boolean(),
});

interface Script {
  readonly open: { readonly waitMs: number; readonly fails: boolean };
  readonly close: { readonly waitMs: number; readonly fails: boolean };
}

const openMsMax = 100;
const closeMsMax = 200;

const scripts = fc.array(
  fc.record({
    open: fc.record({ waitMs: outcome.map(({ waitMs }) => waitMs), fails: chance(0.1) }),
    close: outcome,
  }),
  { maxLength: 7 },
);

function chance(share: number): fc.Arbitrary<boolean> {
  return fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value < share);
}

/** Errors from the first that failed to the last, as `SuppressedError`s hold them. */
function inOrder(thrown: unknown): unknown[] {
  if (!(thrown instanceof SuppressedError)) return thrown === undefined ? [] : [thrown];
  return [...inOrder(thrown.suppressed), ...inOrder(thrown.error)];
}

const textOf = (error: unknown): string => {
  const { fact, message } = error as { readonly fact?: string; readonly message: string };
  return fact === undefined ? message : `${(error as { place: string }).place} ${fact}`;
};

/** What must come of it, worked out without a context. */
function modelOf(tiers: readonly Script[], failsAt: number | null) {
  const opens = tiers.findIndex(({ open }) => open.fails || open.waitMs > openMsMax);
  const opened = opens < 0 ? tiers.length : opens;
  const errors: string[] = [];
  let failed: string | undefined;
  if (opens >= 0) {
    const { open } = tiers[opens]!;
    failed = `t${opens}`;
    // A wait that is as long as the limit is over in time: it was there first.
    const isLate = open.waitMs > openMsMax;
    errors.push(isLate ? `${failed} did not open within ${openMsMax} ms` : `open ${failed}`);
  } else if (failsAt !== null) {
    failed = 'burst';
    errors.push('burst');
  }
  const closed = Array.from({ length: opened }, (_, at) => opened - 1 - at).map((at) => {
    const { waitMs, fails } = tiers[at]!.close;
    const isLate = waitMs > closeMsMax;
    const isFailed = isLate || fails;
    failed ??= isFailed ? `t${at}` : undefined;
    if (isFailed)
      errors.push(isLate ? `t${at} did not close within ${closeMsMax} ms` : `close t${at}`);
    return { tier: `t${at}`, failedTier: failed, level: isFailed ? 'WARNING' : 'INFO' };
  });
  return { opened, errors, closed, failed };
}

test('whatever fails, what was opened is closed once, in reverse, and nothing hides the first', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.option(fc.nat(3)), async (tiers, failsAt) => {
      const clock = new VirtualClock();
      const log = lines();
      const opens: string[] = [];
      const closes: string[] = [];
      const given = new Set<string>();
      const described = Object.fromEntries(
        tiers.map(({ open, close }, at) => {
          const name = `t${at}`;
          const tier = {
            openMsMax,
            closeMsMax,
            // It does not heed the signal, and so comes late.
            open: async (): Promise<string> => {
              opens.push(name);
              if (open.waitMs > 0) await clock.sleep(open.waitMs);
              if (open.fails) throw new Error(`open ${name}`);
              given.add(name);
              return name;
            },
            close: async (resource: string): Promise<void> => {
              expect(resource).toBe(name);
              closes.push(name);
              if (close.waitMs > 0) await clock.sleep(close.waitMs);
              if (close.fails) throw new Error(`close ${name}`);
            },
          };
          return [name, tier];
        }),
      );
      let context: TieredPipelineContext | undefined;
      const burst = (value: number): number => {
        if (value === failsAt) throw new Error('burst');
        return value;
      };
      const run = async (): Promise<void> => {
        await using opened = await tiered('p', described, { clock, log }).open();
        context = opened;
        await opened.run([burst], [0, 1, 2, 3]);
      };
      const thrown = await run().then(
        () => undefined,
        (error: unknown) => error,
      );
      const model = modelOf(tiers, failsAt);
      expect(inOrder(thrown).map(textOf)).toEqual(model.errors);
      const told = log
        .of('tier.closed', 'tier.close-failed')
        .map(([level, { tier, failedTier }]) => ({ tier, failedTier, level }));
      expect(told).toEqual(model.closed);
      expect(opens).toEqual(tiers.slice(0, model.opened + 1).map((_, at) => `t${at}`));
      expect(closes).toEqual(model.closed.map(({ tier }) => tier));
      if (context !== undefined) {
        const recordsIn = failsAt === null ? 4 : failsAt + 1;
        const recordsOut = failsAt ?? 4;
        const failedTier = model.failed ?? null;
        const tiersOpened = tiers.map((_, at) => `t${at}`);
        const summary = { recordsIn, recordsOut, failedTier, tiersOpened };
        expect(context.summary()).toMatchObject(summary);
      }
      // What comes when nobody waits for it any more is closed too.
      await clock.sleep(2000);
      expect([...given].sort()).toEqual([...closes].sort());
    }),
    { numRuns: process.env['MILLRACE_NIGHTLY'] === undefined ? 2000 : 5000 },
  );
});
