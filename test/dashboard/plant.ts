import { memorySink } from '../../src/connectors/memory.ts';
import { sensorsSource } from '../../src/connectors/sensors.ts';
import type { Fields } from '../../src/batch/index.ts';
import { defineSink, type SinkComponent } from '../../src/core/index.ts';
import type { Run } from '../../src/engine/index.ts';
import { FlightRecorder, StructuredLogger } from '../../src/observe/index.ts';
import { shippedRules } from '../../src/observe/alerts/shipped.ts';
import { builtins, pipeline } from '../../src/pipeline.ts';
import { resilient } from '../../src/resilience/index.ts';
import { serve, type Server } from '../../src/server/index.ts';
import { detectAnomalies } from '../../src/stages/detect-anomalies.ts';
import { filter } from '../../src/stages/filter.ts';
import { merge } from '../../src/stages/merge.ts';
import { movingAverage } from '../../src/stages/moving-average.ts';

export const adminToken = 'an-admin-of-the-plant';
export const readToken = 'a-reader-of-the-plant';

/** What can go wrong in the plant, to be switched on and off while it runs. */
export interface Faults {
  /** The second group of sensors answers no more. */
  south: boolean;
  /** The archive refuses to store. */
  archive: boolean;
}

/** A plant with two groups of sensors, an archive and a list of anomalies, served with its page. */
export interface Plant extends AsyncDisposable {
  readonly run: Run;
  readonly server: Server;
  readonly faults: Faults;
}

const everyMs = 200;

export async function startPlant({ port = 0 }: { readonly port?: number } = {}): Promise<Plant> {
  const faults: Faults = { south: false, archive: false };
  const log = new StructuredLogger({ write: () => {} });
  const builder = pipeline('boiler-house');
  const north = builder.from(sensorsSource(group('north', 12, () => false)), { id: 'north' });
  const south = builder.from(sensorsSource(group('south', 8, () => faults.south)), { id: 'south' });
  const readings = builder
    .combine([north, south], merge(), { id: 'readings' })
    .pipe(filter({ where: '!isNull(value)' }))
    .pipe(movingAverage({ field: 'value', by: 'sensorId', window: 25, into: 'average' }))
    .pipe(
      detectAnomalies({
        field: 'value',
        by: 'sensorId',
        detectors: { robustZ: { window: 50, limit: 6 } },
      }),
    );
  const archive = resilient({
    name: 'archive',
    retry: { maxAttempts: 2, baseDelayMs: 20 },
    breaker: { openMs: 3000 },
  });
  readings.to(archiveSink({ faults }), { id: 'archive', policy: archive });
  readings
    .pipe(filter({ where: 'anomaly' }))
    .to(memorySink({ rowsMax: 1000 }), { id: 'anomalies' });
  const run = await builder.start({ log, alerts: shippedRules() });
  const recorder = new FlightRecorder(run);
  const server = await serve(run, {
    port,
    token: adminToken,
    readToken,
    stallDescriptor: null,
    log,
    manifest: () => builtins().generateManifest(),
    flightRecorder: () => recorder.record(),
  });
  return {
    run,
    server,
    faults,
    async [Symbol.asyncDispose]() {
      await server.close();
      recorder[Symbol.dispose]();
      await run.stop({ delayMs: 0 }).catch(() => {});
    },
  };
}

function group(name: string, sensors: number, isFailing: () => boolean) {
  return {
    everyMs,
    timeoutMs: 150,
    retry: { maxAttempts: 2, baseDelayMs: 20 },
    breaker: { failures: 3, openMs: 5000 },
    fallback: { strategy: ['interpolated', 'last-known-good'] as const, gapMsMax: 4000 },
    sensors: Array.from({ length: sensors }, (_, at) => ({
      id: `${name}-${String(at + 1).padStart(2, '0')}`,
      unit: '°C',
      read: () => {
        if (isFailing()) throw new Error('no route to the sensor');
        return valueOf(at);
      },
    })),
  };
}

/** A temperature that swings within minutes, now and then with a spike. */
function valueOf(at: number): number {
  const minutes = Date.now() / 60_000;
  const spike = Math.random() < 0.002 ? 15 : 0;
  return 60 + 3 * at + 5 * Math.sin(minutes * 2 + at) + Math.random() + spike;
}

const archiveSink = defineSink<
  (options: { readonly faults: Faults }) => SinkComponent<Fields>,
  { readonly faults: Faults }
>({
  name: 'archive',
  summary: 'Keep what comes, while it is not made to refuse.',
  options: (z) => z.strictObject({ faults: z.custom<Faults>() }),
  example: { faults: { south: false, archive: false } },
  create: ({ faults }) => ({
    open: async () => {},
    write: async () => {
      if (faults.archive) throw new Error('the archive does not answer');
    },
    commit: async () => {},
    close: async () => {},
  }),
});
