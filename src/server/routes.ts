import { logLevels } from '../core/log.ts';

/** What a holder of a token may do: look, or also change. */
export type Role = 'read' | 'admin';

/** Paths that show something. */
export type LookPath =
  | '/livez'
  | '/readyz'
  | '/startupz'
  | '/metrics'
  | '/api/v1/snapshot'
  | '/api/v1/topology'
  | '/api/v1/manifest'
  | '/api/v1/health'
  | '/api/v1/alerts'
  | '/api/v1/history'
  | '/api/v1/breakers'
  | '/api/v1/log'
  | '/api/v1/flight-recorder'
  | '/api/v1/data'
  | '/api/v1/events'
  | '/api/v1/openapi.json'
  | '/api/v1/session';

/** Paths that change something. */
export type ChangePath =
  | '/api/v1/pause'
  | '/api/v1/resume'
  | '/api/v1/drain'
  | '/api/v1/log-level'
  | '/api/v1/alert-limits'
  | '/api/v1/session';

/** A route of the server: there are no others. */
export type Route = RouteParts &
  (
    | { readonly method: 'GET'; readonly path: LookPath }
    | { readonly method: 'POST'; readonly path: ChangePath }
  );

interface RouteParts {
  /** Who may: anybody, or whoever has at least this role. */
  readonly access: 'anybody' | Role;
  readonly summary: string;
  readonly type: string;
  /** What the JSON body of a POST may have, as a JSON Schema; none where it is to be empty. */
  readonly body?: object;
  /** It is there only where this is. */
  readonly needs?: 'sessions';
}

const json = 'application/json';
const get = { method: 'GET', access: 'read', type: json } as const;
const post = { method: 'POST', access: 'admin', type: json } as const;
const probe = { method: 'GET', access: 'anybody', type: 'text/plain' } as const;

const secret = {
  type: 'object',
  properties: {
    secret: {
      type: 'string',
      description: 'a launch code, or a token; without it a session that there is goes on',
    },
  },
  additionalProperties: false,
};
const level = {
  type: 'object',
  properties: {
    level: { enum: Object.keys(logLevels) },
    component: { type: 'string', description: 'its id; all of them unless given' },
  },
  required: ['level'],
  additionalProperties: false,
};
const limit = { type: 'number' };
const alertLimits = {
  type: 'object',
  properties: {
    rule: { type: 'string', description: 'the name of an alert, as `queue-saturation`' },
    limits: {
      type: 'object',
      description: 'what is left out stays as it is',
      properties: { warn: limit, critical: limit, clear: limit },
      minProperties: 1,
      additionalProperties: false,
    },
  },
  required: ['rule', 'limits'],
  additionalProperties: false,
};

/** Every route. */
export const routes: readonly Route[] = [
  { ...probe, path: '/livez', summary: 'Whether the loop of the pipeline turns.' },
  { ...probe, path: '/readyz', summary: 'Whether the pipeline can take input.' },
  { ...probe, path: '/startupz', summary: 'Whether the pipeline has started.' },
  { ...get, path: '/metrics', type: 'text/plain', summary: 'Metrics, for Prometheus.' },
  {
    ...get,
    path: '/api/v1/snapshot',
    summary: 'The figures of the run, and what was changed by whom.',
  },
  { ...get, path: '/api/v1/topology', summary: 'Components, and what flows between them.' },
  { ...get, path: '/api/v1/manifest', summary: 'What the components are and take.' },
  { ...get, path: '/api/v1/health', summary: 'Alive, ready, overloaded, degraded: and why.' },
  { ...get, path: '/api/v1/alerts', summary: 'Alerts: pending, firing, and resolved lately.' },
  {
    ...get,
    path: '/api/v1/history',
    summary: 'Figures over time: `?span=` of 5m, 1h or 12h; of one component by `?component=`.',
  },
  { ...get, path: '/api/v1/breakers', summary: 'The last changes of circuit breakers.' },
  { ...get, path: '/api/v1/log', summary: 'The last log lines: `?lines=`, `?level=`.' },
  { ...get, path: '/api/v1/flight-recorder', summary: 'The last minutes of the run.' },
  {
    ...get,
    path: '/api/v1/data',
    summary:
      'Number fields that come to sinks; one of them by `?sink=` and `?field=`, of one sensor by `&key=`.',
  },
  {
    ...get,
    path: '/api/v1/events',
    type: 'text/event-stream',
    summary: 'What happens, as it happens (server-sent events).',
  },
  { ...get, path: '/api/v1/openapi.json', summary: 'This description.' },
  { ...post, path: '/api/v1/pause', summary: 'Reads no more until resumed.' },
  { ...post, path: '/api/v1/resume', summary: 'Reads on.' },
  { ...post, path: '/api/v1/drain', summary: 'Finishes what is in flight and ends the run.' },
  {
    ...post,
    path: '/api/v1/log-level',
    body: level,
    summary: 'Sets the least level that is logged.',
  },
  {
    ...post,
    path: '/api/v1/alert-limits',
    body: alertLimits,
    summary: 'Judges an alert by other limits.',
  },
  {
    ...get,
    path: '/api/v1/session',
    access: 'anybody',
    summary: 'Which role the asker has: null for nobody that is known.',
  },
  {
    ...post,
    path: '/api/v1/session',
    access: 'anybody',
    body: secret,
    needs: 'sessions',
    summary: 'Swaps a launch code or a token for a cookie.',
  },
];
