import assert from 'node:assert/strict';

import { type LogLine } from 'millrace/observe';

import { findDiscrepancies, printReport } from './report.ts';
import { runPipeline, type Sabotage } from './run.ts';

async function tell(title: string, sabotage?: Sabotage): Promise<readonly string[]> {
  console.log(title);
  const run = await runPipeline(sabotage);
  printReport(run);
  const discrepancies = findDiscrepancies(run);
  for (const discrepancy of discrepancies) console.log(`DISCREPANCY ${discrepancy}`);
  if (discrepancies.length === 0) console.log('OBSERVABILITY CONSISTENT');
  return discrepancies;
}

const found = await tell('As it is');
assert.deepEqual(found, []);

const sabotaged = await tell('\nSabotaged', {
  /** Loses the end of a batch and an opening, and forgets who spoke. */
  log: (lines, batch) =>
    lines
      .filter(({ event }) => batch !== 3 || event !== 'batch_complete')
      .filter(
        ({ event, state }) => event !== 'circuit_state_change' || state !== 'open' || batch < 10,
      )
      .map((line) => (batch === 18 ? withoutComponent(line) : line)),
  /** Says that the fastest stage was slow. */
  metrics: (registry) => {
    for (let time = 0; time < 3; time++) registry.register('parse', { latency: 5 });
  },
});
assert.ok(sabotaged.length >= 4);

function withoutComponent({ component: _component, ...rest }: LogLine): LogLine {
  return rest as unknown as LogLine;
}
