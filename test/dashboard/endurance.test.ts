import process from 'node:process';

import type { CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  AlertsDocument,
  BreakerTransition,
  HistoryPoint,
  RunStats,
} from '../../src/server/api-types.ts';
import { hasChromium } from '../chromium.ts';
import { useChromium } from '../use-chromium.ts';
import { openPage } from './open-page.ts';
import { type Plant, readToken, startPlant } from './plant.ts';

/** Of each half: at night both together have as many updates as an hour has; else one in sixty. */
const updates = process.env['MILLRACE_NIGHTLY'] ? 1800 : 30;
/** Until everything that keeps the newest of something is full: points, log lines, changes. */
const warmups = 310;
const updatesMsMax = 60_000 + 2 * updates * 400;
/** Of one half. What the browser compiles or lays aside once may fall into the other: a leak is in both. */
const growthMax = 512 * 1024;
const addresses = [
  '#/',
  '#/stage/south',
  '#/resilience',
  '#/alerts',
  '#/logs',
  '#/data',
  '#/manifest',
  '#/operate',
];

const browser = useChromium();
let plant: Plant;

describe.skipIf(!hasChromium())('an hour of updates', () => {
  beforeAll(async () => {
    plant = await startPlant();
    plant.faults.south = true;
  }, 60_000);
  afterAll(() => plant?.[Symbol.asyncDispose]());

  for (const address of addresses) {
    test(`leaves the heap of ${address} as it was`, { timeout: updatesMsMax }, async () => {
      const page = await openPage(browser(), plant.server, { token: readToken });
      const told = await toldBy(page);
      await page.addInitScript(scripted);
      await page.goto('about:blank');
      await page.goto(`${plant.server.url}/${address}`);
      await page.locator('nav').waitFor();
      await page.waitForFunction('globalThis.source !== undefined');
      const heap = await page.context().newCDPSession(page);
      await heap.send('HeapProfiler.enable');
      await page.evaluate(`tell(${JSON.stringify(told)}, 0, ${warmups}, 10)`);
      await page.locator('h1').first().waitFor();
      const update = (from: number): Promise<number> =>
        page.evaluate<number>(`tell(${JSON.stringify(told)}, ${from}, ${updates}, 1)`);
      const before = await sizesOf(heap);
      await update(warmups);
      const between = await sizesOf(heap);
      const took = await update(warmups + updates);
      const after = await sizesOf(heap);
      process.stdout.write(
        `${address}: twice ${updates} updates of ${took.toFixed(1)} ms: ` +
          `${[before, between, after].map(({ bytes }) => kib(bytes)).join(', ')} KiB; ` +
          `${before.nodes} nodes, then ${after.nodes}\n`,
      );
      const growth = Math.min(between.bytes - before.bytes, after.bytes - between.bytes);
      expect(growth).toBeLessThan(growthMax);
      // Rows of a log that are gone may wait for a collection.
      expect(after.nodes).toBeLessThan(before.nodes * 1.5 + 100);
      expect(after.listeners).toBeLessThan(before.listeners * 1.1 + 20);
    });
  }
});

function kib(bytes: number): string {
  return (bytes / 1024).toFixed();
}

async function sizesOf(
  session: CDPSession,
): Promise<{ bytes: number; nodes: number; listeners: number }> {
  // What waits for a collection to be told of is gone with the next.
  for (let time = 0; time < 3; time++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

/** One of each of what the server tells. */
interface Told {
  readonly snapshot: RunStats;
  readonly point: HistoryPoint;
  readonly alerts: AlertsDocument;
  readonly breaker: BreakerTransition;
}

async function toldBy(page: Page): Promise<Told> {
  return page.evaluate<Told>(`new Promise((resolve) => {
    const events = new EventSource('api/v1/events');
    const told = {};
    for (const type of ['snapshot', 'point', 'alerts']) {
      events.addEventListener(type, async ({ data }) => {
        told[type] = JSON.parse(data);
        if (!told.snapshot || !told.point || !told.alerts?.active.length) return;
        const { transitions } = await (await fetch('api/v1/breakers')).json();
        if (transitions.length === 0) return;
        events.close();
        resolve({ ...told, breaker: transitions[0] });
      });
    }
  })`);
}

/**
 * A source of events that tells what it is given, one second of the pipeline after the other, as
 * fast as the page draws it, or every so manyth of them: every figure another, with lines, changes and alerts beside it.
 */
const scripted = `
  globalThis.EventSource = class extends EventTarget {
    static CLOSED = 2;
    readyState = 1;
    constructor() {
      super();
      globalThis.source = this;
      setTimeout(() => this.dispatchEvent(new Event('open')));
    }
    close() {
      this.readyState = 2;
    }
  };
  const say = (type, data) =>
    source.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  globalThis.tell = async (told, first, count, everyth) => {
    const begun = performance.now();
    for (let at = first; at < first + count; at++) {
      const { snapshot, point, alerts, breaker } = structuredClone(told);
      const later = at * 1000;
      snapshot.at += later;
      snapshot.monotonicMs += later;
      for (const component of snapshot.components) {
        component.in += at;
        component.out += at;
        for (const sensor of component.sensors?.worst ?? []) sensor.value = Math.sin(at);
      }
      say('snapshot', snapshot);
      point.at += later;
      point.monotonicMs += later;
      for (const series of [point.run, ...Object.values(point.components)]) {
        for (const name of Object.keys(series)) series[name] = Math.abs(Math.sin(at)) * 100;
      }
      if (at % 2) {
        point.state = 2;
        point.reasons = [{ component: 'south', text: 'reason ' + at }];
      }
      say('point', point);
      alerts.active.forEach((alert) => (alert.text = 'text ' + at));
      alerts.history = alerts.active.map((alert, index) =>
        ({ ...alert, state: 'resolved', sinceMs: at * 1000 + index, resolvedMs: at * 1000 + 500 }));
      say('alerts', alerts);
      for (let index = 0; index < 7; index++) {
        say('log', { timestamp: new Date(point.at + index).toISOString(), level: 'INFO',
          component: 'south', event: 'told', text: 'line ' + at + ' ' + index });
      }
      for (let index = 0; index < 4; index++) {
        say('breaker', { ...breaker, at: Date.now() + later + index,
          seq: breaker.seq + 1000 + 4 * at + index,
          state: index % 2 ? 'closed' : 'open', previous: index % 2 ? 'open' : 'closed' });
      }
      if (at % everyth === 0) await new Promise(requestAnimationFrame);
    }
    return (performance.now() - begun) / count;
  };`;
