import {
  type HealthReport,
  type LogLine,
  type MetricsRegistry,
  ObservabilityHarness,
} from 'millrace/observe';
import {
  circuitBreaker,
  type CircuitBreaker,
  consecutiveFailures,
  isCircuitOpenError,
} from 'millrace/resilience';
import { virtualOutside } from 'millrace/testing';

interface Reading {
  readonly id: number;
  readonly celsius: number;
  readonly site?: string;
  readonly score?: number;
}

/** What changes what the tools say, but not what happens. */
export interface Sabotage {
  log(lines: LogLine[], batch: number): LogLine[];
  metrics(registry: MetricsRegistry): void;
}

/** What each of the tools says of one run, and what was wrong with the log after each batch. */
export interface Observed {
  readonly lines: readonly LogLine[];
  readonly reports: readonly HealthReport[];
  readonly registry: MetricsRegistry;
  readonly breaker: CircuitBreaker;
  readonly histogram: string;
  readonly faults: readonly string[];
}

const batches = 20;
const batchSize = 500;
const callSize = 50;

/** The service that knows sites is down twice. */
function isDown(batch: number): boolean {
  return (batch >= 5 && batch <= 7) || (batch >= 13 && batch <= 14);
}

/** Twenty batches, one every two seconds of virtual time. The seed fixes what is by chance. */
export async function runPipeline(sabotage?: Sabotage): Promise<Observed> {
  const { clock, random } = virtualOutside(22);
  let batch = 0;
  const changes: string[] = [];
  const breaker = circuitBreaker({
    name: 'sites',
    opens: consecutiveFailures(3),
    openMs: 3000,
    clock,
    onEvent(event) {
      if (event.type === 'breaker.changed') changes.push(event.to.replace('-', '_'));
    },
  });

  async function work(ms: number): Promise<void> {
    await clock.sleep(ms * (0.9 + 0.2 * random.next()));
  }

  async function askForSites(readings: readonly Reading[]): Promise<readonly Reading[]> {
    await work(40);
    if (isDown(batch)) throw new Error('503 Service Unavailable');
    return readings.map((reading) => ({ ...reading, site: `site-${reading.id % 7}` }));
  }

  const harness = new ObservabilityHarness<Reading>({
    stages: {
      async parse(readings) {
        await work(30);
        return readings;
      },
      async clean(readings, log) {
        await work(60);
        const kept = readings.filter(({ celsius }) => celsius < 99);
        log.warning('rows.dropped', { batch, rows: readings.length - kept.length });
        return kept;
      },
      async *locate(readings, log) {
        for (let start = 0; start < readings.length; start += callSize) {
          const part = readings.slice(start, start + callSize);
          try {
            yield* await breaker.execute(() => askForSites(part));
          } catch (error) {
            // Without their sites they go on.
            yield* part;
            if (!isCircuitOpenError(error)) log.error('sites.failed', { batch, start, error });
          }
        }
      },
      async score(readings, log) {
        await work(100);
        log.info('readings.scored', { readings: readings.length });
        return readings.map((reading) => ({ ...reading, score: reading.celsius / 100 }));
      },
    },
    thresholds: {
      minHealthyRps: 500,
      maxAllowedDegraded: 2,
      maxMemoryMb: 512,
      maxAlertQueueSize: 10,
    },
    breakers: [breaker],
    clock,
    rssBytes: () => 96 * 2 ** 20, // What the process really has differs from run to run.
  });

  const [lines, reports, faults]: [LogLine[], HealthReport[], string[]] = [[], [], []];
  let [linesSeen, changesSeen] = [0, 0];
  for (batch = 1; batch <= batches; batch++) {
    await clock.sleep((batch - 1) * 2000 - clock.monotonic());
    const records = Array.from({ length: batchSize }, (_, id) => ({
      id,
      celsius: 100 * random.next(),
    }));
    reports.push(await harness.runBatch(records));

    const written = harness.exportLogs();
    const fresh = written.slice(linesSeen);
    linesSeen = written.length;
    const shown = sabotage?.log(fresh, batch) ?? fresh;
    lines.push(...shown);
    faults.push(...faultsOf(shown, batch, changes.slice(changesSeen)));
    changesSeen = changes.length;
  }
  sabotage?.metrics(harness.registry);
  const { dashboard, registry } = harness;
  return { lines, reports, registry, breaker, histogram: String(dashboard.histogram), faults };
}

/** What is wrong with the lines of one batch, in which the breaker came into these states. */
function faultsOf(lines: readonly LogLine[], batch: number, changes: readonly string[]): string[] {
  const faults: string[] = [];
  const ends = lines.filter((line) => line.event === 'batch_complete' && line['batch'] === batch);
  if (ends.length !== 1)
    faults.push(`batch ${batch}: ${ends.length} lines say that it is complete`);
  const logged = lines
    .filter(({ event }) => event === 'circuit_state_change')
    .map((line) => line['state']);
  if (logged.join() !== changes.join()) {
    faults.push(
      `batch ${batch}: the breaker went [${changes.join()}], logged is [${logged.join()}]`,
    );
  }
  for (const name of ['timestamp', 'level', 'component', 'event']) {
    const without = lines.filter((line) => typeof line[name] !== 'string').length;
    if (without > 0) faults.push(`batch ${batch}: ${without} lines without ${name}`);
  }
  return faults;
}
