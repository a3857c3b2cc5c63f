import type { RunStats } from '../../../src/server/api-types.ts';
import { dayAndTimeOf } from '../format.ts';
import { Card } from './card.tsx';
import { Table } from './table.tsx';

/** Everything that was changed while the run was at work. */
export function Changes({
  changes,
}: {
  readonly changes: RunStats['changes'];
}): preact.JSX.Element {
  const all = Object.entries(changes)
    .flatMap(([what, { entries }]) => entries.map((entry) => ({ what, ...entry })))
    .toSorted((a, b) => b.at - a.at);
  return (
    <Card title="What was changed">
      {all.length === 0 ? (
        <p class="quiet">Nothing, since the run began.</p>
      ) : (
        <Table
          label="What was changed"
          heads={['When', 'What', 'Before', 'After', 'Who']}
          rows={all
            .slice(0, shownMax)
            .map(({ what, at, from, to, by }) => [
              `${what} ${at}`,
              dayAndTimeOf(at),
              what,
              String(from ?? '–'),
              String(to ?? '–'),
              by ?? 'the program',
            ])}
        />
      )}
    </Card>
  );
}

const shownMax = 100;
