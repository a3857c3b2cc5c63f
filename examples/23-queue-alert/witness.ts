import { Writable } from 'node:stream';

import { type Run, systemOutside } from 'millrace';
import { type Alert, BufferedStructuredLogger, type ObservedEvent } from 'millrace/observe';
import { observationRoutes, type ObservationRoutes } from 'millrace/server';
import type { VirtualOutside } from 'millrace/testing';

type Fields = Readonly<Record<string, unknown>>;

/** What is said of an alert. */
export interface Told {
  readonly event: string;
  readonly rule: string;
  readonly component: string;
  readonly severity: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  readonly text: string;
  readonly sinceMs: number;
  /** Null once the limit is reached. */
  readonly leftMs: number | null;
}

/** One change of an alert, by the event and as it was seen in three places. */
export interface Sight {
  readonly second: number;
  readonly told: Told;
  readonly logged: Told;
  readonly webhook: Told;
  readonly api: Told;
  /** The same as they were written, sent and answered. */
  readonly texts: { readonly log: string; readonly webhook: string; readonly api: string };
}

const token = 'a-token-of-this-example';

/** Sees each change of an alert as operators would: in the log, by a webhook, and by the API. */
export class Witness {
  readonly sights: Sight[] = [];
  readonly log: BufferedStructuredLogger;
  readonly #clock: VirtualOutside['clock'];
  #lines: string[] = [];
  #posted: string[] = [];

  constructor({ clock, network }: VirtualOutside) {
    this.#clock = clock;
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#lines.push(...chunk.toString().trimEnd().split('\n'));
        done();
      },
    });
    this.log = new BufferedStructuredLogger({ stream, clock, component: 'boiler-room' });
    network.answer('http://pager.test', async (request) => {
      this.#posted.push(await request.text());
      return new Response();
    });
  }

  /** Looks at every change. Time stands still meanwhile, so that all are asked at one moment. */
  watch(run: Run): void {
    const routes = observationRoutes(run, { token });
    run.listen((event) => {
      if (event.name !== 'alert.fired' && event.name !== 'alert.resolved') return;
      void this.#clock.hold(this.#look(event, routes));
    });
    void run.done.finally(() => routes[Symbol.dispose]());
  }

  async #look({ name, at, fields }: ObservedEvent, routes: ObservationRoutes): Promise<void> {
    const second = this.#clock.monotonic() / 1000;
    const told = toldBy({ event: name, ...fields });
    await this.log.flush();
    const log = this.#lines.findLast((line) => line.includes(`"event":"${name}"`))!;
    const webhook = await shown(() => Promise.resolve(this.#posted.at(this.sights.length)));
    const api = await shown(async () => alertIn(await askedOf(routes), told, at));
    this.sights.push({
      second,
      told,
      logged: toldBy(JSON.parse(log) as Fields),
      webhook: toldBy(JSON.parse(webhook) as Fields),
      api: toldBy({ event: name, ...api }),
      texts: { log, webhook, api: JSON.stringify(api) },
    });
  }
}

/** The component is `id` in an event: `component` is who speaks. */
function toldBy({ id, component, ...fields }: Fields): Told {
  const { event, rule, severity, value, limit, unit, text, sinceMs, leftMs = null } = fields;
  const about = id ?? component;
  return {
    ...({ event, rule, severity, value, limit, unit, text, sinceMs, leftMs } as Told),
    component: about as string,
  };
}

/** The server says what has changed within 100 ms of real time. */
async function shown<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await systemOutside().clock.sleep(10);
  }
}

interface Alerts {
  readonly active: readonly Alert[];
  readonly history: readonly Alert[];
}

async function askedOf(routes: ObservationRoutes): Promise<Alerts> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await routes(new Request('http://localhost/api/v1/alerts', { headers }));
  return (await answer.json()) as Alerts;
}

/** That of the same rule and component, once it is as it was said to be. */
function alertIn({ active, history }: Alerts, told: Told, at: number): Alert | undefined {
  return [...active, ...history].find(
    ({ rule, component, severity, state, resolvedMs }) =>
      rule === told.rule &&
      component === told.component &&
      severity === told.severity &&
      state !== 'pending' &&
      (told.event === 'alert.resolved') === (resolvedMs === at),
  );
}
