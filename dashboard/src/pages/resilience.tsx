import type {
  BreakerState,
  ComponentReport,
  RunStats,
  SensorsReport,
  SensorState,
} from '../../../src/server/api-types.ts';
import { type BreakerHistory, breakersOf } from '../breakers.ts';
import { useTransitions } from '../transitions.ts';
import { ago, count, decimal, share, span, timeOf } from '../format.ts';
import { now, snapshot, stillAt } from '../live.ts';
import { grownOf } from '../recent.ts';
import { own } from '../own.ts';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Spark } from '../parts/spark.tsx';
import { Table } from '../parts/table.tsx';
import { addressOf } from '../route.ts';
import { valuesMax, valuesOf } from '../sensors.ts';

/** How far back the states of breakers are shown. */
const shownMs = 5 * 60_000;
const breakersMax = 60;
const sensorsMax = 200;

/** What stands between the pipeline and what fails outside: breakers, retries, and what stood in. */
export function ResiliencePage(): preact.JSX.Element {
  const transitions = useTransitions();
  const stats = snapshot.value;
  if (stats === undefined) return <Empty refused={undefined} what="figures" />;
  const untilMs = stillAt.value ?? now.value;
  const breakers = breakersOf(stats, transitions, untilMs - shownMs, untilMs);
  const sources = stats.components.filter(({ sensors }) => sensors !== undefined);
  return (
    <>
      <h1>Resilience</h1>
      <Breakers of={stats} worst={breakers} untilMs={untilMs} />
      <Policies stats={stats} />
      {sources.map(({ id, sensors }) => (
        <Sensors key={id} source={id} {...sensors!} />
      ))}
    </>
  );
}

const breakerMoods: Readonly<Record<BreakerState, string>> = {
  closed: 'idle',
  open: 'bad',
  'half-open': 'warn',
};

function Breakers({
  of: { components },
  worst,
  untilMs,
}: {
  readonly of: RunStats;
  readonly worst: readonly BreakerHistory[];
  readonly untilMs: number;
}): preact.JSX.Element {
  const all = components.flatMap(({ policy }) => policy?.breakers ?? []);
  const total = all.reduce((sum, breakers) => sum + breakers.total, 0);
  const notClosed = all.reduce((sum, { byState }) => sum - byState.closed, total);
  const opened = worst.filter(({ state, opens }) => state !== 'closed' || opens > 0);
  const shown = opened.slice(0, breakersMax);
  const others = total - shown.length;
  const areAllKnown = opened.length <= breakersMax && worst.length === total;
  return (
    <Card
      title="Breakers"
      beside={
        <span class={`tag ${notClosed === 0 ? 'good' : 'bad'}`}>
          {total === 0 ? 'none' : `${count(notClosed)} of ${count(total)} not closed`}
        </span>
      }
    >
      {components.map((report) => (
        <Fails key={report.id} {...report} />
      ))}
      {shown.length > 0 && (
        <>
          <p class="row quiet">
            {Object.entries(breakerMoods).map(([state, mood]) => (
              <span key={state}>
                <span class={`swatch ${mood}`} aria-hidden="true" />
                {state}
              </span>
            ))}
          </p>
          <ol class="timeline">
            {shown.map((breaker) => (
              <Breaker key={`${breaker.component} ${breaker.id}`} {...breaker} untilMs={untilMs} />
            ))}
            <li class="breaker ends" aria-hidden="true">
              <span />
              <span>
                <span>{timeOf(untilMs - shownMs)}</span>
                <span>{stillAt.value === undefined ? 'now' : timeOf(untilMs)}</span>
              </span>
            </li>
          </ol>
        </>
      )}
      {others > 0 && (
        <p class="quiet">
          {count(others)} {shown.length > 0 && 'more '}
          {areAllKnown ? 'never opened' : 'opened less often, or never'}.
        </p>
      )}
    </Card>
  );
}

/** What the calls behind breakers that are not closed fail with, the last first. */
function Fails({
  id,
  policy,
  errors,
  callErrors = {},
}: ComponentReport): preact.JSX.Element | null {
  const { total = 0, byState } = policy?.breakers ?? {};
  const kinds = Object.entries(callErrors).toReversed();
  if (total === (byState?.closed ?? 0) || kinds.length === 0) return null;
  return (
    <p class="fails">
      <a href={addressOf('stage', id)}>{id}</a> fails with{' '}
      {kinds.slice(0, kindsMax).map(([kind, message]) => (
        <span key={kind} class="loss">
          <b>{message}</b> ({kind}, {count(own(errors, kind))}× so far)
        </span>
      ))}
    </p>
  );
}

const kindsMax = 3;

function Breaker({
  component,
  name,
  state,
  opens,
  openMs,
  refused,
  stays,
  untilMs,
}: BreakerHistory & { readonly untilMs: number }): preact.JSX.Element {
  const placeOf = (at: number): number => ((at - (untilMs - shownMs)) / shownMs) * 100;
  return (
    <li class="breaker">
      <span class="name">
        <a href={addressOf('stage', component)}>{component}</a> {name !== component && name}
      </span>
      <span
        class="track"
        role="img"
        aria-label={stays.map((stay) => `${stay.state} from ${timeOf(stay.fromMs)}`).join(', ')}
      >
        {stays.map((stay) => (
          <span
            key={stay.fromMs}
            class={`fill ${breakerMoods[stay.state]}`}
            title={`${stay.state} ${timeOf(stay.fromMs)} to ${timeOf(stay.untilMs)}`}
            style={{
              left: `${placeOf(stay.fromMs)}%`,
              width: `max(3px, ${placeOf(stay.untilMs) - placeOf(stay.fromMs)}%)`,
            }}
          />
        ))}
      </span>
      <span>
        <b>{state}</b>, opened {count(opens)}×, {span(openMs)} in all, {count(refused)} refused
      </span>
    </li>
  );
}

function Policies({ stats }: { readonly stats: RunStats }): preact.JSX.Element {
  const rows = stats.components.flatMap(({ id, policy }) =>
    policy === undefined ? [] : [{ id, policy }],
  );
  return (
    <Card title="Retries and substitutions">
      {rows.length === 0 ? (
        <p class="quiet">No component of this run has a policy.</p>
      ) : (
        <Table
          label="Retries and substitutions"
          heads={[
            'Component',
            '#Calls',
            '#Retries',
            '#of attempts, last 10 s',
            '#Refused by a budget',
            '#Substituted',
            'by strategy',
          ]}
          rows={rows.map(({ id, policy }) => [
            id,
            <a href={addressOf('stage', id)}>{id}</a>,
            count(policy.calls),
            count(policy.retries),
            share(retriedOf(id)),
            count(policy.suppressed),
            count(policy.substituted),
            <span class="whole">{countsOf(policy.substitutedBy ?? {})}</span>,
          ])}
        />
      )}
    </Card>
  );
}

/** Retries, of the attempts of the last ten seconds. */
function retriedOf(id: string): number | null {
  const attempts = grownOf(id, 'attempts').grown;
  return attempts === 0 ? null : grownOf(id, 'retries').grown / attempts;
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, number]) => `${name} ${count(number)}`)
    .join(', ');
}

const sensorMoods: Readonly<Record<SensorState, string>> = {
  live: 'good',
  stale: 'warn',
  interpolated: 'warn',
  constant: 'warn',
  'fast-fail': 'bad',
  missing: 'bad',
};

function Sensors({
  source,
  total,
  byState: { live },
  worst,
}: SensorsReport & { readonly source: string }): preact.JSX.Element {
  return (
    <Card
      title={`Sensors of ${source}`}
      beside={
        <span class={`tag ${live === total ? 'good' : 'bad'}`}>
          {count(live)} of {count(total)} live
        </span>
      }
    >
      <Table
        label={`Sensors of ${source}`}
        heads={[
          'Sensor',
          'State',
          'Since',
          'Why',
          '#Value',
          'Last minute',
          'Had',
          'Stood in so far',
        ]}
        rows={worst
          .slice(0, sensorsMax)
          .map(({ id, state, since, reason, value, at, substitutedBy }) => [
            id,
            <span class="long">{id}</span>,
            <span class={`tag ${sensorMoods[state]}`}>{state}</span>,
            timeOf(since),
            reason,
            decimal(value),
            <Spark
              values={valuesOf(source, id)}
              room={valuesMax}
              label={`${id}: the last minute`}
            />,
            <span class="whole">{at === null ? 'never' : ago(at, now.value)}</span>,
            <span class="whole">{countsOf(substitutedBy)}</span>,
          ])}
      />
      {total > sensorsMax && (
        <p class="quiet">and {count(total - sensorsMax)} more that are no worse off</p>
      )}
    </Card>
  );
}
