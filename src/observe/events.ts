import {
  type BreakerState,
  defineEvent,
  type EventDefinition,
  type EventFields,
} from '../core/index.ts';

/** `run.started` */
export const runStarted: EventDefinition<'sources' | 'sinks'> = defineEvent({
  name: 'run.started',
  level: 'INFO',
  summary: 'Every sink and source is open, or on its way, and data flows.',
  fields: { sources: 'how many sources there are', sinks: 'how many sinks there are' },
  metric: 'millrace_runs_started_total',
});

/** `run.ended` */
export const runEnded: EventDefinition<'status' | 'recordsIn' | 'recordsOut' | 'durationMs'> =
  defineEvent({
    name: 'run.ended',
    level: 'INFO',
    summary: 'A run has come to its end, and everything is closed.',
    fields: {
      status: 'how it ended: `done`, `stopped`, `failed`, `not-drained` or `aborted`',
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
export const runFailed: EventDefinition<'error'> = defineEvent({
  name: 'run.failed',
  level: 'ERROR',
  summary: 'A run ends at once; nothing more is acknowledged.',
  fields: { error: 'what it failed with' },
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

/** `circuit_state_change` */
export const breakerChanged: EventDefinition<
  'breaker' | 'state' | 'previous' | 'reason' | 'components'
> = defineEvent({
  name: 'circuit_state_change',
  level: 'WARNING',
  summary: 'A circuit breaker has opened, lets a probe through, or has closed.',
  fields: {
    breaker: 'its name',
    state: 'its state now: `closed`, `open` or `half_open`',
    previous: 'its state before',
    reason: 'what changed it, as `rule` or `probe-failed`',
    components: 'the components that call through it',
  },
  metric: 'millrace_breaker_changes_total',
  isKept: true,
});

/** A change of a breaker, as it tells its listeners. */
export interface BreakerChange {
  /** The breaker. */
  readonly name: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason?: string | undefined;
}

/** The fields of `circuit_state_change`. */
export function breakerChangeOf(
  { name, from, to, reason }: BreakerChange,
  components?: readonly string[],
): EventFields<keyof typeof breakerChanged.fields> {
  return {
    breaker: name,
    state: to.replace('-', '_'),
    previous: from.replace('-', '_'),
    reason: reason ?? null,
    components,
  };
}

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
    'A component cannot give a figure of its own, which is not known. Told once, until it can.',
  fields: {
    id: 'which component',
    figure: 'what was asked for: `held`, `lag` or `policies`',
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

/** Everything that the engine says by itself. */
export const engineEvents: readonly EventDefinition[] = [
  runStarted,
  runProgressed,
  runEnded,
  runFailed,
  runPaused,
  runResumed,
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
];
