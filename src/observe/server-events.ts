import { defineEvent, type EventDefinition } from '../core/index.ts';

/** `command.received` */
export const commandReceived: EventDefinition<'command' | 'outcome' | 'role' | 'by' | 'address'> =
  defineEvent({
    name: 'command.received',
    level: 'INFO',
    summary:
      'Somebody asked a run over HTTP to pause, resume, drain, or change a log level or an alert.',
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

/** `server.started` */
export const serverStarted: EventDefinition<'url'> = defineEvent({
  name: 'server.started',
  level: 'INFO',
  summary: 'A run is served; where no terminal is told, the line has `launchUrl`, to sign in once.',
  fields: { url: 'where' },
  metric: 'millrace_servers_started_total',
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
export const serverFailed: EventDefinition<'error' | 'leftOut'> = defineEvent({
  name: 'server.failed',
  // A line that must not be lost would make the pipeline wait for whoever reads the log.
  level: 'WARNING',
  summary:
    'The server could not answer a request, or its thread ended (an ERROR); the pipeline goes on.',
  fields: {
    error: 'why',
    leftOut: 'how many more there were within a minute that had no line, beside ten that had',
  },
  metric: 'millrace_server_failures_total',
});

/** Every event of the server. */
export const serverEvents: readonly EventDefinition[] = [
  commandReceived,
  serverStarted,
  loopStalled,
  loopResumed,
  serverFailed,
];
