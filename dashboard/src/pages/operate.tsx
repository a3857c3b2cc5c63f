import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';

import type { LogLevel, RunStats } from '../../../src/server/api-types.ts';
import { command, type Refused } from '../api.ts';
import { timeOf } from '../format.ts';
import { endedAt, isStill, snapshot } from '../live.ts';
import { Changes } from '../parts/changes.tsx';
import { session } from '../session.ts';

/** Something to be done, once it is confirmed. */
interface Deed {
  readonly title: string;
  /** What it means, for whoever confirms it. */
  readonly text: string;
  readonly path: string;
  readonly body?: object;
  readonly isDangerous?: boolean;
}

const done = ': done.';
/** What failed is said until something else is done. */
const shownMs = 5000;

const levels: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

const pause: Deed = {
  title: 'Pause',
  text: 'The pipeline reads no more until it is resumed. Each source is paused in the way that it declares: some hold what comes, some skip it.',
  path: 'pause',
};
const resume: Deed = { title: 'Resume', text: 'The pipeline reads on.', path: 'resume' };
const drain: Deed = {
  title: 'Drain',
  text: 'The pipeline reads no more, finishes what is in flight, and ends. This page ends with it, and nothing here starts it again.',
  path: 'drain',
  isDangerous: true,
};

/** What an admin may do to the run; each deed is confirmed, and kept with who did it. */
export function OperatePage(): preact.JSX.Element {
  const deed = useSignal<Deed | undefined>(undefined);
  const outcome = useSignal('');
  useEffect(() => {
    if (!outcome.value.endsWith(done)) return undefined;
    const over = setTimeout(() => (outcome.value = ''), shownMs);
    return () => clearTimeout(over);
  }, [outcome.value]);
  const stats = snapshot.value;
  const mayChange = session.value === 'admin';
  const status = stats?.status;
  const button = (one: Deed, isOpen: boolean): preact.JSX.Element => (
    <button
      type="button"
      class={one.isDangerous ? 'danger' : undefined}
      disabled={!mayChange || !isOpen || isStill.value}
      onClick={() => (deed.value = one)}
    >
      {one.title} …
    </button>
  );
  const carryOut = async (one: Deed): Promise<void> => {
    deed.value = undefined;
    outcome.value = '';
    try {
      await command(one.path, one.body);
      outcome.value = `${one.title}${done}`;
    } catch (error) {
      outcome.value = `${one.title}: not done. ${(error as Refused).message}.`;
    }
  };
  return (
    <>
      <h1>Operate</h1>
      {!mayChange && (
        <p class="card">You may look. To change something takes the token of an admin.</p>
      )}
      {mayChange && isStill.value && (
        <p class="card">
          {endedAt.value === undefined
            ? 'Nothing can be changed: nobody answers.'
            : `Nothing can be changed any more: the run ended at ${timeOf(endedAt.value)}.`}
        </p>
      )}
      <section class="card row" aria-label="The run">
        <span>
          The run is <b>{status ?? '…'}</b>.
        </span>
        {button(pause, status === 'running')}
        {button(resume, status === 'paused')}
        {button(drain, status === 'running' || status === 'paused')}
      </section>
      <LogLevelForm stats={stats} mayChange={mayChange} ask={(one) => (deed.value = one)} />
      <p role="status">{outcome}</p>
      <Changes changes={stats?.changes ?? {}} />
      {deed.value !== undefined && (
        <Confirmation deed={deed.value} yes={carryOut} no={() => (deed.value = undefined)} />
      )}
    </>
  );
}

function LogLevelForm({
  stats,
  mayChange,
  ask,
}: {
  readonly stats: RunStats | undefined;
  readonly mayChange: boolean;
  readonly ask: (deed: Deed) => void;
}): preact.JSX.Element {
  const level = useSignal<LogLevel | ''>('');
  const component = useSignal('');
  const present = levelOf(component.value, stats);
  const send = (event: Event): void => {
    event.preventDefault();
    const of = component.value === '' ? 'all components' : component.value;
    ask({
      title: `Log level ${level.value} of ${of}`,
      text:
        level.value === levels[0]
          ? `All lines of ${of} are logged.`
          : `Lines of ${of} below ${level.value} are not logged.`,
      path: 'log-level',
      body: { level: level.value, ...(component.value !== '' && { component: component.value }) },
    });
  };
  return (
    <form aria-label="Log level" onSubmit={send}>
      <fieldset class="card row" disabled={!mayChange || isStill.value}>
        <label class="row">
          Log level
          <select
            required
            value={level}
            onChange={({ currentTarget: { value } }) => (level.value = value as LogLevel)}
          >
            <option value="">choose</option>
            {levels.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="row">
          of
          <select
            value={component}
            onChange={({ currentTarget: { value } }) => (component.value = value)}
          >
            <option value="">all components</option>
            {stats?.components.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <button type="submit">Set …</button>
        {present !== undefined && <span class="quiet">Now {present}</span>}
      </fieldset>
    </form>
  );
}

/** The level that was set last of all components, or of one; undefined where none was. */
function levelOf(component: string, stats: RunStats | undefined): string | undefined {
  const { [`logLevel.${component}`]: own, logLevel: all } = stats?.changes ?? {};
  return (own ?? all)?.entries.at(-1)?.to?.toString();
}

function Confirmation({
  deed,
  yes,
  no,
}: {
  readonly deed: Deed;
  readonly yes: (deed: Deed) => Promise<void>;
  readonly no: () => void;
}): preact.JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="deed" onClose={no}>
      <h2 id="deed">{deed.title}?</h2>
      <p>{deed.text}</p>
      <p class="quiet">Who did it, and when, is kept with the run.</p>
      <div class="row">
        <button
          type="button"
          class={deed.isDangerous ? 'danger' : undefined}
          onClick={() => void yes(deed)}
        >
          {deed.title}
        </button>
        <button type="button" autofocus onClick={no}>
          Leave it
        </button>
      </div>
    </dialog>
  );
}
