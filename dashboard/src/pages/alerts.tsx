import type { Alert } from '../../../src/server/api-types.ts';
import { dayAndTimeOf, since, span, timeOf, withUnit } from '../format.ts';
import { alerts, endedAt, now, stillAt } from '../live.ts';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { forecastOf } from '../parts/forecast.ts';
import { Table } from '../parts/table.tsx';
import { addressOf } from '../route.ts';

/** What fires, what may, and what did: each with the figure that it is about. */
export function AlertsPage(): preact.JSX.Element {
  const told = alerts.value;
  if (told === undefined) return <Empty refused={undefined} what="alerts" />;
  const { active, history } = told;
  const past = history.toReversed();
  const lastAt = stillAt.value;
  const why = endedAt.value === undefined ? '' : ', when the run ended';
  return (
    <>
      <h1>Alerts</h1>
      <Card title={lastAt === undefined ? 'Now' : `As of ${timeOf(lastAt)}${why}`}>
        {active.length === 0 && (
          <p class="quiet">
            {lastAt === undefined ? 'Nothing fires, and nothing is about to.' : 'Nothing fired.'}
          </p>
        )}
        {active.map((alert) => (
          <Active key={keyOf(alert)} alert={alert} />
        ))}
      </Card>
      {active.length + past.length > 0 && <Timeline all={[...active, ...past]} />}
      <Card title="Resolved">
        {past.length === 0 ? <p class="quiet">None, since the run began.</p> : <Past all={past} />}
      </Card>
    </>
  );
}

function Active({ alert }: { readonly alert: Alert }): preact.JSX.Element {
  const { rule, component, severity, state, text, summary, sinceMs } = alert;
  const forecast = forecastOf(alert);
  return (
    <article class="alert">
      <p>
        <span class={`tag ${severity === 'CRITICAL' ? 'bad' : 'warn'}`}>
          {state === 'pending' ? 'pending' : severity.toLowerCase()}
        </span>{' '}
        <b>{rule}</b> {component !== '' && <a href={addressOf('stage', component)}>{component}</a>},
        since {since(sinceMs, stillAt.value ?? now.value)}
      </p>
      <p>
        {text}
        {forecast !== undefined && <b> {forecast}.</b>}
      </p>
      <p class="quiet">{summary}</p>
    </article>
  );
}

/** One bar for each alert, from when it became bad until it was well. */
function Timeline({ all }: { readonly all: readonly Alert[] }): preact.JSX.Element {
  const shown = all.slice(0, shownMax);
  const until = stillAt.value ?? now.value;
  const last = stillAt.value === undefined ? 'now' : timeOf(until);
  const from = Math.min(...shown.map(({ sinceMs }) => sinceMs), until - 60_000);
  const share = (at: number): number => ((at - from) / (until - from)) * 100;
  return (
    <Card title="Timeline">
      <ol class="timeline">
        {shown.map((alert) => {
          const { rule, component, sinceMs, resolvedMs = until, severity, state } = alert;
          const mood = state === 'pending' ? 'idle' : severity === 'CRITICAL' ? 'bad' : 'warn';
          const end = state === 'resolved' ? timeOf(resolvedMs) : last;
          return (
            <li key={keyOf(alert)}>
              <span class="name">
                {rule} {component}
              </span>
              <span
                class="track"
                role="img"
                aria-label={`${timeOf(sinceMs)} to ${end}, ${span(resolvedMs - sinceMs)}`}
                title={`${timeOf(sinceMs)} to ${end}, ${span(resolvedMs - sinceMs)}`}
              >
                <span
                  class={`fill ${mood}`}
                  style={{
                    left: `${share(sinceMs)}%`,
                    width: `max(3px, ${share(resolvedMs) - share(sinceMs)}%)`,
                  }}
                />
              </span>
            </li>
          );
        })}
        <li class="ends" aria-hidden="true">
          <span />
          <span>
            <span>{timeOf(from)}</span>
            <span>{last}</span>
          </span>
        </li>
      </ol>
    </Card>
  );
}

function Past({ all }: { readonly all: readonly Alert[] }): preact.JSX.Element {
  return (
    <Table
      label="Resolved alerts"
      heads={[
        'From',
        '#For',
        'Severity',
        'Alert',
        'Component',
        '#Fired at',
        '#Limit',
        'In the end',
      ]}
      rows={all.map(({ fired, ...alert }) => [
        keyOf(alert),
        dayAndTimeOf(alert.sinceMs),
        span((alert.resolvedMs ?? alert.sinceMs) - alert.sinceMs),
        <span class={`tag ${alert.severity === 'CRITICAL' ? 'bad' : 'warn'}`}>
          {alert.severity.toLowerCase()}
        </span>,
        alert.rule,
        alert.component !== '' && (
          <a href={addressOf('stage', alert.component)}>{alert.component}</a>
        ),
        withUnit(fired?.value, alert.unit),
        withUnit(fired?.limit, alert.unit),
        alert.text,
      ])}
    />
  );
}

const shownMax = 40;

function keyOf({ rule, component, sinceMs }: Alert): string {
  return `${rule} ${component} ${sinceMs}`;
}
