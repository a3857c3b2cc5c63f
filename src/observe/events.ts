import { type BreakerState, defineEvent, type EventDefinition } from '../core/index.ts';
import { runEndings } from './snapshot.ts';

/** `run.started` */
export const runStarted: EventDefinition<'sources' | 'sinks'> = defineEvent({
  name: 'run.started',
  level: 'INFO',
  summary: 'Every sink and source is open, or on its way, and data flows.',
  fields: { sources: 'how many sources there are', sinks: 'how many sinks there are' },
  metric: 'millrace_runs_started_total',
});

/** `lanes.chosen` */
export const lanesChosen: EventDefinition<'lanes' | 'reason'> = defineEvent({
  name: 'lanes.chosen',
  level: 'INFO',
  summary: 'More lanes than one were wanted, and so many there are.',
  fields: { lanes: 'how many lanes there are', reason: 'why' },
  metric: 'millrace_lanes_chosen_total',
});

/** `lanes.crowded` */
export const lanesCrowded: EventDefinition<'lanes' | 'cores'> = defineEvent({
  name: 'lanes.crowded',
  level: 'WARNING',
  summary: 'A run has more lanes than there are cores, which makes it slower.',
  fields: { lanes: 'how many lanes there are', cores: 'how many cores there are' },
  metric: 'millrace_lanes_crowded_total',
});

/** `run.ended` */
export const runEnded: EventDefinition<'status' | 'recordsIn' | 'recordsOut' | 'durationMs'> =
  defineEvent({
    name: 'run.ended',
    level: 'INFO',
    summary: 'A run has come to its end, and everything is closed.',
    fields: {
      status: `how it ended: ${runEndings.map((ending) => `\`${ending}\``).join(', ')}`,
      recordsIn: 'records read by all sources',
      recordsOut: 'rows committed by all sinks',
      durationMs: 'how long it took',
    },
    metric: 'millrace_runs_ended_total',
  });

/** `run.progressed` */
export const runProgressed: EventDefinition<
  'recordsIn' | 'recordsOut' | 'bytesIn' | 'deadLetters' | 'perSecond'
> = defineEvent({
  name: 'run.progressed',
  level: 'INFO',
  summary: 'How far a run of the command line is; every ten seconds where that is no terminal.',
  fields: {
    recordsIn: 'records read by all sources',
    recordsOut: 'rows committed by all sinks',
    bytesIn: 'bytes read by all sources',
    deadLetters: 'how many records failed and were kept',
    perSecond: 'records read per second, of late',
  },
  metric: 'millrace_runs_progressed_total',
});

/** `run.failed` */
export const runFailed: EventDefinition<'id' | 'error'> = defineEvent({
  name: 'run.failed',
  level: 'ERROR',
  summary: 'A run ends at once; nothing more is acknowledged.',
  fields: { id: 'in which component; absent where it was in none', error: 'what it failed with' },
  metric: 'millrace_runs_failed_total',
  isKept: true,
});

/** `run.paused` */
export const runPaused: EventDefinition<never> = defineEvent({
  name: 'run.paused',
  level: 'INFO',
  summary: 'Somebody paused a run: its sources are not read, and what was read flows on.',
  fields: {},
  metric: 'millrace_runs_paused_total',
});

/** `run.resumed` */
export const runResumed: EventDefinition<never> = defineEvent({
  name: 'run.resumed',
  level: 'INFO',
  summary: 'A run that was paused reads on.',
  fields: {},
  metric: 'millrace_runs_resumed_total',
});

/** `run.stop-requested` */
export const runStopRequested: EventDefinition<'delayMs'> = defineEvent({
  name: 'run.stop-requested',
  level: 'INFO',
  summary: 'Somebody stopped a run: it reads no more, and ends once what was read is through.',
  fields: { delayMs: 'for how long it goes on reading before, for whoever sends to see it' },
  metric: 'millrace_run_stops_requested_total',
});

/** `output.closed` */
export const outputClosed: EventDefinition<'reason'> = defineEvent({
  name: 'output.closed',
  level: 'INFO',
  summary: 'Whoever read the output has closed it, and the run stops.',
  fields: { reason: 'which output it was' },
  metric: 'millrace_outputs_closed_total',
});

/** `component.degraded` */
export const componentDegraded: EventDefinition<'id' | 'reason'> = defineEvent({
  name: 'component.degraded',
  level: 'WARNING',
  summary: 'A component waits, substitutes or drops, and the run goes on.',
  fields: { id: 'which component', reason: 'why, for people' },
  metric: 'millrace_components_degraded_total',
});

/** `component.recovered` */
export const componentRecovered: EventDefinition<'id'> = defineEvent({
  name: 'component.recovered',
  level: 'INFO',
  summary: 'A component that was degraded works again as it should.',
  fields: { id: 'which component' },
  metric: 'millrace_components_recovered_total',
  ends: componentDegraded.name,
});

/** `tier.opened` */
export const tierOpened: EventDefinition<'tier' | 'durationMs'> = defineEvent({
  name: 'tier.opened',
  level: 'DEBUG',
  summary: 'A resource of a run, as a connector, is open.',
  fields: {
    tier: 'which resource: the id of the component, or the name of the tier',
    durationMs: 'how long that took',
  },
  metric: 'millrace_tiers_opened_total',
});

/** `tier.failed` */
export const tierFailed: EventDefinition<'tier' | 'error'> = defineEvent({
  name: 'tier.failed',
  level: 'WARNING',
  summary:
    'A resource of a run could not be opened. The run fails, unless it is a sink with `required: false`.',
  fields: { tier: 'which resource', error: 'what opening it failed with' },
  metric: 'millrace_tiers_failed_total',
  isKept: true,
});

/** `tier.closed` */
export const tierClosed: EventDefinition<'tier' | 'failedTier'> = defineEvent({
  name: 'tier.closed',
  level: 'INFO',
  summary: 'A resource of a run is closed, in reverse of the order in which they were opened.',
  fields: {
    tier: 'which resource',
    failedTier: 'the resource or stage that failed first, where one has',
  },
  metric: 'millrace_tiers_closed_total',
  isKept: true,
});

/** `tier.close-failed` */
export const tierCloseFailed: EventDefinition<'tier' | 'failedTier' | 'error'> = defineEvent({
  name: 'tier.close-failed',
  level: 'WARNING',
  summary: 'A resource of a run could not be closed. Those before it are closed all the same.',
  fields: {
    tier: 'which resource',
    failedTier: 'the resource or stage that failed first, itself where none has',
    error: 'what closing it failed with',
  },
  metric: 'millrace_tiers_close_failed_total',
  isKept: true,
});

/** `record.failed` */
export const recordFailed: EventDefinition<
  | 'eventId'
  | 'status'
  | 'stage'
  | 'reason'
  | 'message'
  | 'source'
  | 'partition'
  | 'offset'
  | 'outcome'
  | 'record'
> = defineEvent({
  name: 'record.failed',
  level: 'ERROR',
  summary: 'A record could not be read, processed or written; its dead letter has the same id.',
  fields: {
    eventId: 'the id of the record, the same after a replay',
    status: 'always `failed`',
    stage: 'the component that it failed in',
    reason: 'a dotted reason, as `field.type`',
    message:
      'what is wrong with it; the code or class of the error where that may tell of the record',
    source: 'the source that it came from',
    partition: 'the part of the source, as the path of a file',
    offset: 'its position there: a byte offset or a sequence number',
    outcome: 'what became of it: `dead-letter`, `dropped` or `run-failed`',
    record: 'what it holds; where the setting `logBodies` asks for it',
  },
  metric: 'millrace_records_failed_total',
  isKept: true,
});

/** The fields of `circuit_state_change`. */
// An interface has no index signature: an event that has one is none among the others.
export type BreakerChange = {
  readonly breaker: string;
  readonly state: BreakerState;
  readonly previous: BreakerState;
  readonly reason: string | null;
  /** Not there where that is not known. */
  readonly components: readonly string[] | undefined;
  /** One for each of the components. */
  readonly ids: readonly string[] | undefined;
};

/** `circuit_state_change` */
export const breakerChanged: EventDefinition<keyof BreakerChange, BreakerChange> = defineEvent({
  name: 'circuit_state_change',
  level: 'WARNING',
  summary: 'A circuit breaker has opened, lets a probe through, or has closed.',
  fields: {
    breaker: 'its name',
    state: 'its state now: `closed`, `open` or `half-open`; in the log `half_open`',
    previous: 'its state before',
    reason: 'what changed it, as `rule` or `probe-failed`',
    components: 'the components that call through it',
    ids: 'the `id` that it has in the figures of each of them',
  },
  metric: 'millrace_breaker_changes_total',
  isKept: true,
  logged: (change) => ({
    ...change,
    state: change.state.replace('-', '_'),
    previous: change.previous.replace('-', '_'),
  }),
});

/** `ledger.broken` */
export const ledgerBroken: EventDefinition<'id' | 'rows'> = defineEvent({
  name: 'ledger.broken',
  level: 'CRITICAL',
  summary: 'A component lost rows, or made some up, without a word.',
  fields: {
    id: 'which component',
    rows: 'rows that nothing accounts for; less than 0 where it made some up',
  },
  metric: 'millrace_ledger_broken_total',
  isKept: true,
});

/** `figures.failed` */
export const figuresFailed: EventDefinition<'id' | 'figure' | 'error'> = defineEvent({
  name: 'figures.failed',
  level: 'ERROR',
  summary:
    'A component cannot give a figure of its own, which is not known, or a monitored stage cannot ' +
    'take its figures. Told once, until it can.',
  fields: {
    id: 'which component; the pipeline, where there are no figures at all for those who follow',
    figure:
      'what was asked for: `held`, `lag`, `policies` or `sensors`; `figures`, of a monitored stage; `all`',
    error: 'what that failed with',
  },
  metric: 'millrace_figures_failed_total',
});

/** `spill.file-set-aside` */
export const spillFileSetAside: EventDefinition<'id' | 'path' | 'rows' | 'reason'> = defineEvent({
  name: 'spill.file-set-aside',
  level: 'WARNING',
  summary: 'A file of rows that waited for a sink cannot be read any further, and is kept beside.',
  fields: {
    id: 'which component',
    path: 'where it is now',
    rows: 'how many rows of it are lost, unless it is read after all',
    reason: 'what is wrong with it, for people',
  },
  metric: 'millrace_spill_files_set_aside_total',
  isKept: true,
});

/** `kernels.replaced` */
export const kernelsReplaced: EventDefinition<'reason'> = defineEvent({
  name: 'kernels.replaced',
  level: 'WARNING',
  summary: 'Bytes are read and written in TypeScript, slower: the kernels do not run here.',
  fields: { reason: 'why they do not, for people' },
  metric: 'millrace_kernels_replaced_total',
});

/** Everything that the engine says by itself. */
export const engineEvents: readonly EventDefinition[] = [
  runStarted,
  lanesChosen,
  lanesCrowded,
  runProgressed,
  runEnded,
  runFailed,
  runPaused,
  runResumed,
  runStopRequested,
  outputClosed,
  componentDegraded,
  componentRecovered,
  tierOpened,
  tierFailed,
  tierClosed,
  tierCloseFailed,
  recordFailed,
  breakerChanged,
  ledgerBroken,
  figuresFailed,
  spillFileSetAside,
  kernelsReplaced,
];
