import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';

import { span, timeOf } from './format.ts';
import { ageMs, alerts, awayMs, connection, endedAt, now, previous, snapshot } from './live.ts';
import { AlertsPage } from './pages/alerts.tsx';
import { DataPage } from './pages/data.tsx';
import { LogsPage } from './pages/logs.tsx';
import { ManifestPage } from './pages/manifest.tsx';
import { OperatePage } from './pages/operate.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ResiliencePage } from './pages/resilience.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { StagePage } from './pages/stage.tsx';
import { HealthWord } from './parts/health-word.tsx';
import { addressOf, type PageName, pages, route } from './route.ts';
import { session } from './session.ts';

const bodies: Readonly<Record<PageName, FunctionComponent>> = {
  overview: OverviewPage,
  stage: StagePage,
  resilience: ResiliencePage,
  alerts: AlertsPage,
  logs: LogsPage,
  data: DataPage,
  manifest: ManifestPage,
  operate: OperatePage,
};

/** How long the page says that a run is another than before. */
const newForMs = 600_000;

/** How old figures may be before the page says that they are. */
const oldFromMs = 3000;

/** The page: where the reader is, how the pipeline is, and what was asked for. */
export function App(): preact.JSX.Element {
  if (session.value === 'nobody') return <SignIn />;
  const { page, of } = route.value;
  const Body = bodies[page];
  const title = of === '' ? (pages.find(({ name }) => name === page)?.title ?? '') : of;
  const pipeline = snapshot.value?.pipeline ?? 'Millrace';
  useEffect(() => void (document.title = `${title} · ${pipeline}`), [title, pipeline]);
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        To the content
      </a>
      <header ref={measure} class="top">
        <a class="name" href={addressOf('overview')}>
          {pipeline}
        </a>
        <HealthWord />
        <nav aria-label="Pages">
          {pages.map(({ name, title: text }) => (
            <a key={name} href={addressOf(name)} aria-current={name === page ? 'page' : undefined}>
              {text}
              {name === 'alerts' && <FiringCount />}
            </a>
          ))}
        </nav>
      </header>
      <Away />
      <main id="main" tabIndex={-1}>
        {session.value === undefined ? (
          <p class="quiet">Asking the pipeline …</p>
        ) : (
          <Body key={of} />
        )}
      </main>
    </>
  );
}

let sized: ResizeObserver | undefined;

/** Tells the style sheet how high the top is: what stays in sight does so below it. */
function measure(top: HTMLElement | null): void {
  sized?.disconnect();
  if (top === null) return;
  const { style } = document.documentElement;
  sized = new ResizeObserver(() => style.setProperty('--top-height', `${top.offsetHeight}px`));
  sized.observe(top);
}

// The fragment is the route.
function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')!.focus();
}

function FiringCount(): preact.JSX.Element | null {
  const firing = alerts.value?.active.filter(({ state }) => state === 'firing').length ?? 0;
  return firing === 0 ? null : <span class="badge">{firing}</span>;
}

/** Says where what the page shows is not what is. */
function Away(): preact.JSX.Element | null {
  if (session.value === undefined) return null;
  if (awayMs.value > 0 && endedAt.value !== undefined) {
    return (
      <p class="strip quiet" role="status">
        The server is gone: the run ended at {timeOf(endedAt.value)}. These are its last figures.
      </p>
    );
  }
  if (awayMs.value > 0) {
    return (
      <p class="strip bad" role="status">
        The pipeline has not answered for {span(awayMs.value)}. These figures are from before; the
        page goes on by itself.
      </p>
    );
  }
  if (connection.value.isLive && snapshot.value !== undefined && ageMs.value > oldFromMs) {
    return (
      <p class="strip warn" role="status">
        These figures are {span(ageMs.value)} old: the pipeline gives none, or they are long on
        their way.
      </p>
    );
  }
  const { startedAt } = snapshot.value ?? {};
  const before = previous.value;
  if (before === undefined || startedAt === undefined || now.value - startedAt > newForMs)
    return null;
  return (
    <p class="strip quiet" role="status">
      A new run began at {timeOf(startedAt)}. The last figures of the one before were of{' '}
      {timeOf(before.at)}.
    </p>
  );
}
