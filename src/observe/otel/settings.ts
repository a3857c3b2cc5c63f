import { silentLogger, systemClock, systemRandom } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';
import type { TelemetryOptions } from './options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

type Given = 'sampleRatio' | 'metricsEveryMs' | 'spansEveryMs' | 'spansMax' | 'closeMsMax';

/** Options with their defaults, and what is to be sent. */
export interface TelemetrySettings
  extends
    Omit<TelemetryOptions, Given | 'log' | 'clock' | 'random'>,
    Required<Pick<TelemetryOptions, Given | 'log' | 'clock' | 'random'>> {
  readonly sends: { readonly traces: boolean; readonly metrics: boolean };
  /** Undefined where the environment says it. */
  readonly compression: Readonly<Record<'traces' | 'metrics', 'gzip' | undefined>>;
}

/** Throws `ERR_CONFIG_INVALID` for what cannot be. */
export function settingsOf(options: TelemetryOptions, env: Environment): TelemetrySettings {
  const { log = silentLogger, clock = systemClock, random = systemRandom } = options;
  const number = (name: Given, variable: string, otherwise: number): number =>
    options[name] ?? numberIn(env, variable) ?? otherwise;
  const settings = {
    ...options,
    log,
    clock,
    random,
    sampleRatio: options.sampleRatio ?? sampleRatioIn(env) ?? 0.1,
    metricsEveryMs: number('metricsEveryMs', 'OTEL_METRIC_EXPORT_INTERVAL', 60_000),
    spansEveryMs: number('spansEveryMs', 'OTEL_BSP_SCHEDULE_DELAY', 5000),
    spansMax: number('spansMax', 'OTEL_BSP_MAX_QUEUE_SIZE', 2048),
    closeMsMax: options.closeMsMax ?? 3000,
    sends: {
      traces: isSent(options, env, 'TRACES'),
      metrics: isSent(options, env, 'METRICS'),
    },
    compression: { traces: compressionIn(env, 'TRACES'), metrics: compressionIn(env, 'METRICS') },
  };
  check(settings);
  return settings;
}

function check(settings: Required<Pick<TelemetryOptions, Given>> & TelemetryOptions): void {
  const { sampleRatio, endpoint } = settings;
  if (!(sampleRatio >= 0 && sampleRatio <= 1))
    throw invalid('sampleRatio', sampleRatio, 'give a number from 0 to 1');
  for (const name of ['metricsEveryMs', 'spansEveryMs', 'spansMax', 'timeoutMs'] as const) {
    const value = settings[name];
    if (value !== undefined && !(value > 0)) throw invalid(name, value, 'give a number above 0');
  }
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw invalid('endpoint', endpoint, 'give a URL, as http://localhost:4318');
  }
}

function invalid(name: string, value: unknown, remedy: string): PipelineError {
  const fact = `\`${name}\` cannot be ${String(value)}`;
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place: 'otel', fact, remedy });
}

/** Whoever names a receiver for one signal alone wants that alone. */
function isSent(
  options: TelemetryOptions,
  env: Environment,
  signal: 'TRACES' | 'METRICS',
): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return false;
  if (env[`OTEL_${signal}_EXPORTER`]?.trim() === 'none') return false;
  if (options.endpoint !== undefined || env['OTEL_EXPORTER_OTLP_ENDPOINT']) return true;
  const other = signal === 'TRACES' ? 'METRICS' : 'TRACES';
  const isElsewhere = Boolean(env[`OTEL_EXPORTER_OTLP_${other}_ENDPOINT`]);
  return !isElsewhere || Boolean(env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
}

/** As the standard samplers have it; those that follow their parent do so by the host's own. */
function sampleRatioIn(env: Environment): number | undefined {
  const sampler = env['OTEL_TRACES_SAMPLER']?.replace(/^parentbased_/, '');
  if (sampler === 'always_on') return 1;
  if (sampler === 'always_off') return 0;
  return sampler === 'traceidratio' ? numberIn(env, 'OTEL_TRACES_SAMPLER_ARG') : undefined;
}

function compressionIn(env: Environment, signal: 'TRACES' | 'METRICS'): 'gzip' | undefined {
  const isSaid =
    env[`OTEL_EXPORTER_OTLP_${signal}_COMPRESSION`] || env['OTEL_EXPORTER_OTLP_COMPRESSION'];
  return isSaid ? undefined : 'gzip';
}

/** What is no number there counts as not said. */
function numberIn(env: Environment, name: string): number | undefined {
  const text = env[name]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
