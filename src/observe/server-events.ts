import { defineEvent, type EventDefinition } from '../core/index.ts';

/** `command.received` */
export const commandReceived: EventDefinition<'command' | 'outcome' | 'role' | 'by' | 'address'> =
  defineEvent({
    name: 'command.received',
    level: 'INFO',
    summary: 'Somebody asked a run over HTTP to pause, resume, drain, or log another level.',
    fields: {
      command: 'what was asked',
      outcome: '`done`, or the code that it was refused with',
      role: 'as whom: `admin`',
      by: 'how that was known: `token`, `cookie`, or `host` for the server around the routes',
      address: 'from where',
    },
    metric: 'millrace_commands_received_total',
    isKept: true,
  });

/** `loop.stalled` */
export const loopStalled: EventDefinition<'stalledMs'> = defineEvent({
  name: 'loop.stalled',
  level: 'WARNING',
  summary: 'The loop of the pipeline stands still; said by the thread of the server meanwhile.',
  fields: { stalledMs: 'for how long so far' },
  metric: 'millrace_loop_stalls_total',
});

/** `loop.resumed` */
export const loopResumed: EventDefinition<'stalledMs'> = defineEvent({
  name: 'loop.resumed',
  level: 'WARNING',
  summary: 'The loop of the pipeline turns again.',
  fields: { stalledMs: 'for how long it stood still' },
  metric: 'millrace_loop_resumptions_total',
});

/** `server.failed` */
export const serverFailed: EventDefinition<'error'> = defineEvent({
  name: 'server.failed',
  level: 'ERROR',
  summary: 'The thread of the server ended; the pipeline goes on without it.',
  fields: { error: 'what it ended with' },
  metric: 'millrace_server_failures_total',
});

/** Every event of the server. */
export const serverEvents: readonly EventDefinition[] = [
  commandReceived,
  loopStalled,
  loopResumed,
  serverFailed,
];
