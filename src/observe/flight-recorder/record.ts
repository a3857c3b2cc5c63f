import type { LogLevel } from '../../core/index.ts';
import type { ComponentReport, RunStats } from '../snapshot.ts';

/** Why a record was made: an alert turned critical, the run failed, the process crashed, or so asked. */
export const flightReasons = ['alert', 'run-failed', 'crash', 'asked'] as const;

/** One of `flightReasons`. */
export type FlightReason = (typeof flightReasons)[number];

/** The figures of a run from look to look; those of one look are at the same place in each list. */
export interface FlightSeries {
  /** When it was looked at, as wall time, and the milliseconds since the look before. */
  readonly at: readonly number[];
  readonly elapsedMs: readonly number[];
  /** Rows since the look before. */
  readonly recordsIn: readonly number[];
  readonly recordsOut: readonly number[];
  readonly rssMiB: readonly number[];
  readonly loopUtilization: readonly number[];
  readonly components: Readonly<Record<string, ComponentSeries>>;
}

/** The same of one component: rows, errors and milliseconds since the look before. */
export interface ComponentSeries {
  readonly in: readonly number[];
  readonly out: readonly number[];
  readonly failed: readonly number[];
  readonly dropped: readonly number[];
  readonly errors: readonly number[];
  readonly busyMs: readonly number[];
  readonly blockedMs: readonly number[];
  readonly waitingMs: readonly number[];
  readonly queueFill: readonly number[];
  readonly openBreakers: readonly number[];
}

/** An event, with what fits of its fields. */
export interface FlightEvent {
  readonly at: number;
  readonly name: string;
  readonly level: LogLevel;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * What a flight recorder knows, as it is written: nothing that failed records hold, unless the pipeline
 * says `logBodies`, and no secret that a name, an address or `scrub` tells.
 */
export interface FlightRecord {
  readonly format: 'millrace-flight';
  readonly version: 1;
  readonly reason: FlightReason;
  /** What the alert says, or what the run or the process failed with. */
  readonly why: string;
  /** Of what it failed with. */
  readonly stack?: string;
  /** Wall time in milliseconds. */
  readonly at: number;
  readonly pid: number;
  /** Components with their options, and what flows between them. */
  readonly topology: object | null;
  readonly stats: RunStats;
  readonly series: FlightSeries;
  /** The oldest first; of what happened longer ago as much as there is room for. */
  readonly events: readonly FlightEvent[];
  /** Some of the failed records of each second, the oldest first. */
  readonly failures: readonly FlightEvent[];
}

/** What an explanation is made of: the part of a record that `parseFlight` checks. */
export interface FlightReading extends Pick<
  FlightRecord,
  'reason' | 'why' | 'stack' | 'at' | 'series' | 'events' | 'failures'
> {
  readonly stats: FlightStats;
}

/** What an explanation takes of the last figures. */
export interface FlightStats extends Pick<
  RunStats,
  | 'pipeline'
  | 'status'
  | 'recordsIn'
  | 'recordsOut'
  | 'versions'
  | 'lastFailures'
  | 'slowestBatches'
> {
  readonly components: readonly Pick<ComponentReport, 'id' | 'errors' | 'errorRate'>[];
  /** Of each component that has one. */
  readonly queues: Readonly<Record<string, object>>;
}
