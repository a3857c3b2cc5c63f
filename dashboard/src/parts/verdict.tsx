import type { Alert, RunStats, RunStatus } from '../../../src/server/api-types.ts';
import { about, count, none, rate, since as sinceText, span, timeOf } from '../format.ts';
import { useComponentHistory } from '../history.ts';
import { alerts, endedAt, health, isStill, now } from '../live.ts';
import { addressOf } from '../route.ts';
import { isIll } from '../recovery.ts';
import type { Since, Trouble, Troubles } from '../troubles.ts';
import { forecastOf } from './forecast.ts';
import { wordOf } from './health-word.tsx';
import { Left } from './left.tsx';

const troublesMax = 6;
const alertsMax = 4;
const reasonsMax = 20;

/** How the run is, in a word, and whatever is wrong: where, since when, and what it costs. */
export function Verdict({
  stats,
  troubles,
  wellSince,
  ...since
}: Troubles & { readonly stats: RunStats }): preact.JSX.Element {
  const { word, mood } = wordOf(health.value, stats.status);
  const firing = (alerts.value?.active ?? []).filter(({ state }) => state === 'firing');
  return (
    <section class={`card verdict ${mood}`} aria-label="Health">
      <h1>
        {word}{' '}
        {(mood === 'bad' || mood === 'warn') && !isStill.value && (
          <SinceThen
            {...(wellSince === undefined ? since : { since: wellSince, isOlder: false })}
          />
        )}
      </h1>
      {word === 'recovering' && (
        <p>
          All is well again. It was not since{' '}
          {since.since === undefined ? none : timeOf(since.since)}, and counts as degraded for as
          long as that was lately.
        </p>
      )}
      <Course stats={stats} isWell={mood !== 'bad' && troubles.length + firing.length === 0} />
      <div class="wrongs">
        {troubles.slice(0, troublesMax).map((trouble) => (
          <Wrong key={trouble.component} trouble={trouble} />
        ))}
      </div>
      {troubles.length > troublesMax && <p>and {troubles.length - troublesMax} more components</p>}
      {firing.slice(0, alertsMax).map((alert) => (
        <Firing key={`${alert.rule} ${alert.component}`} alert={alert} />
      ))}
      {firing.length > alertsMax && (
        <p>
          <a href={addressOf('alerts')}>and {firing.length - alertsMax} more alerts</a>
        </p>
      )}
    </section>
  );
}

/** Where the run stands, or how it ended. */
function Course({
  stats,
  isWell,
}: {
  readonly stats: RunStats;
  readonly isWell: boolean;
}): preact.JSX.Element | null {
  const { at, status, failure, recordsIn, recordsOut, durationMs } = stats;
  const sums = `${count(recordsIn)} records in, ${count(recordsOut)} out, in ${span(durationMs)}.`;
  if (endedAt.value !== undefined) {
    return (
      <>
        {failure?.component === null && (
          <p>
            <b>{failure.text}</b>
          </p>
        )}
        <p>
          It ended at {timeOf(endedAt.value)}
          {status === 'stopped' && `, drained by ${whoMade('draining', stats)}`}: {sums}
        </p>
        <Left stats={stats} />
      </>
    );
  }
  if (isStill.value) return <p>{`All below is as of ${timeOf(at)}, when it was ${status}.`}</p>;
  if (status === 'paused') {
    const since = changeOf('paused', stats)?.at;
    return (
      <p>
        Paused <SinceThen since={since} isOlder={false} /> by {whoMade('paused', stats)}. Nothing is
        read until it is resumed: {sums}
      </p>
    );
  }
  return isWell ? <p>{sums} Nothing is wrong.</p> : null;
}

type Change = RunStats['changes'][string]['entries'][number];

/** What made the run stand there last. */
function changeOf(status: RunStatus, { changes }: RunStats): Change | undefined {
  return changes['status']?.entries.findLast(({ to }) => to === status);
}

function whoMade(status: RunStatus, stats: RunStats): string {
  return changeOf(status, stats)?.by ?? 'the program';
}

function SinceThen({ since, isOlder }: Since): preact.JSX.Element | null {
  if (since === undefined) return null;
  return (
    <small>
      since {isOlder && 'before '}
      {sinceText(since, now.value)}
    </small>
  );
}

/** Since when records fail in a component that is well otherwise. */
function Failing({ of }: { readonly of: string }): preact.JSX.Element | null {
  const history = useComponentHistory('5m', of);
  if (history === undefined) return null;
  const failed = history.series.failedPerSecond;
  const isFailing = (at: number): boolean =>
    failed.slice(at, at + pauseMax).some((rate) => rate! > 0);
  const since = failed.findLastIndex((_, at) => !isFailing(at)) + 1;
  return <SinceThen since={history.at[since]} isOlder={since === 0 && failed.length >= 300} />;
}

/** So many seconds in which nothing fails are no end of it. */
const pauseMax = 10;

/** An alert: how bad it is, of what, why and since when. */
export function Firing({ alert }: { readonly alert: Alert }): preact.JSX.Element {
  const { rule, component, severity, state, text, sinceMs } = alert;
  const forecast = forecastOf(alert);
  // It goes on where the next one comes soon.
  const isOverNow = rule === 'degraded-streak' && !isIll(component);
  return (
    <p class="firing">
      <span class={`tag ${severity === 'CRITICAL' ? 'bad' : 'warn'}`}>
        {state === 'pending' ? 'pending' : severity.toLowerCase()}
      </span>{' '}
      {component !== '' && <a href={addressOf('stage', component)}>{component}</a>}{' '}
      <a href={addressOf('alerts')}>{rule}</a> {forecast !== undefined && <b>{forecast}</b>} {text}{' '}
      <SinceThen since={sinceMs} isOlder={false} />
      {isOverNow && ', well again'}
    </p>
  );
}

/** What is wrong with a component, since when, why, and what it costs. */
export function Wrong({
  trouble: { component, what, cause, fullInMs, isPast, wellSince, why, losses, ...since },
}: {
  readonly trouble: Trouble;
}): preact.JSX.Element {
  return (
    <div class="wrong">
      <p>
        {component !== '' && <a href={addressOf('stage', component)}>{component}</a>}{' '}
        <b>
          {what}
          {cause !== undefined && !what.includes(cause) && `: ${cause}`}
        </b>{' '}
        {isPast ? (
          <SinceThen since={wellSince} isOlder={false} />
        ) : since.since === undefined ? (
          <Failing of={component} />
        ) : (
          <SinceThen {...since} />
        )}
      </p>
      <p>
        {losses.map(({ name, total, perSecond }) => (
          <span key={name} class="loss">
            <b>{count(total)}</b> {name}
            {perSecond > 0 && !isPast && `, +${rate(perSecond)}`}
          </span>
        ))}
      </p>
      {fullInMs !== undefined && (
        <p>
          <b>Queue full in {about(fullInMs)}</b>
        </p>
      )}
      {why.length > 0 && why[0] !== what && (
        <details>
          <summary>Why ({why.length})</summary>
          <ul>
            {why.slice(0, reasonsMax).map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
