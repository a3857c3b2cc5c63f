import { type Schema, schema } from '../batch/index.ts';
import { defineSource, type SourceComponent, type SourceDefinition } from '../core/index.ts';
import { type ParsedOptions, sensorsOptions } from './sensors/options.ts';
import type { SensorFields, SensorsOptions } from './sensors/types.ts';

export type {
  SensorAnswer,
  SensorFields,
  SensorOptions,
  SensorPatience,
  SensorsOptions,
  SensorStrategy,
} from './sensors/types.ts';

const schemaOf = ({ sensitive }: ParsedOptions): Schema<SensorFields> =>
  schema({
    sensorId: 'category',
    timestamp: 'timestamp',
    value: { kind: 'float64?', sensitive },
    unit: 'category',
    quality: 'category',
    reason: 'category?',
    sourceTime: 'timestamp?',
  });

/** Asks sensors at fixed times, each through a client of its own: one row for each, whatever it does. */
export const sensorsSource: SourceDefinition &
  ((options: SensorsOptions) => SourceComponent<SensorFields>) = defineSource<
  (options: SensorsOptions) => SourceComponent<SensorFields>,
  ParsedOptions
>({
  name: 'sensors',
  summary: 'Ask sensors, each a URL or a function, at fixed times; bad ones delay no batch.',
  details:
    'Every batch has one row for each sensor, in their order. `timestamp` is the time of the batch; `sourceTime` ' +
    'is when the value was had, and null where there is none. `quality` is `live` (had since the batch before), `stale` ' +
    '(the last value that was had before), ' +
    '`interpolated`, `constant` or `missing` (no value). `reason` says why it is not live: `timeout`, `late` (not ' +
    'there when its batch went on), `circuit-open` (not asked, since it failed too often), `unreachable`, `status` (an ' +
    'answer other than 2xx), `redirect` (none is followed), `too-large`, `no-json`, `no-value` (no finite number where ' +
    'it is looked for), or `failed` (the function threw).\n\n' +
    'A read is tried again within a circuit breaker. A read that is late goes on: it counts for the breaker, the next ' +
    'batch has what it gives, and no batch behind its own waits for it. With the defaults three ' +
    'attempts take at most 900 ms; where `everyMs` is less, a bad sensor is late before it has failed. What is given for ' +
    'one sensor (`timeoutMs`, `retry`, `breaker`, `fallback`) takes the place of what is given for all as a whole.\n\n' +
    'Each attempt that fails is among the errors of the component, by that reason, with what the last of each failed with. ' +
    'Breakers and retries are among the figures of a run, each by the id of its sensor (of more than 1,000 breakers those ' +
    'that are not closed first), and an open one is told of in the log, the health and the alerts of the run. A reading that ' +
    'something stands in for counts in `policy.substituted` of the source, and the run is degraded for 30 s; one that is ' +
    'missing is in the counts alone.\n\n' +
    'Sensors that took more than half their `timeoutMs` and gave nothing the last time share a quarter of the places ' +
    '(`concurrentMax`), so that the others are asked at each tick, however many hang. A tick in which more begin to hang than ' +
    'there are places for is late for some: it needs (good sensors × milliseconds of a read + those that begin to hang × ' +
    '`timeoutMs`) / `everyMs` places. Where there are too few, each sensor has its turn, who has waited longest first, and what ' +
    'comes late is in the next batch. No sensor is asked by two reads at once.\n\n' +
    'In TypeScript a sensor may be a function, `{ id: "boiler", read: async (signal) => 21.5 }`; its signal aborts when ' +
    'its time is over, and what it gives after that counts no more.',
  options: sensorsOptions,
  example: {
    everyMs: 1000,
    sensors: [
      { id: 'boiler', url: 'http://boiler.test/temperature', unit: '°C' },
      {
        id: 'pump',
        url: 'http://pump.test/status',
        field: 'motor.rpm',
        fallback: { strategy: ['interpolated', 'constant'], gapMsMax: 10_000, value: 0 },
      },
    ],
  },
  whenPaused: 'skip',
  output: schemaOf,
  create: async (options, context) => {
    const { SensorsConnector } = await import('./sensors/connector.ts');
    return new SensorsConnector(options, schemaOf(options), context);
  },
});
