/** How sensors of one kind behave; amounts are in their unit. */
export interface SensorKind {
  readonly unit: string;
  /** The value in the middle of a day, and how far that differs from sensor to sensor. */
  readonly base: number;
  readonly spread: number;
  /** How far the daily curve rises above and falls below the base. */
  readonly daily: number;
  /** The standard deviation of the noise. */
  readonly noise: number;
  /** How far calibration wanders in a day, at most. */
  readonly driftPerDay: number;
  /** What the sensor can show. */
  readonly min: number;
  readonly max: number;
  /** Steps per unit that it can tell apart. */
  readonly resolution: number;
}

/** What sensors measure. */
export type SensorKindName = 'temperature' | 'humidity' | 'pressure' | 'vibration' | 'power';

export const sensorKinds: Readonly<Record<SensorKindName, SensorKind>> = {
  temperature: {
    unit: 'C',
    base: 21,
    spread: 2,
    daily: 4,
    noise: 0.1,
    driftPerDay: 0.05,
    min: -40,
    max: 125,
    resolution: 100,
  },
  humidity: {
    unit: '%',
    base: 45,
    spread: 6,
    daily: 8,
    noise: 0.4,
    driftPerDay: 0.1,
    min: 0,
    max: 100,
    resolution: 100,
  },
  pressure: {
    unit: 'hPa',
    base: 1013,
    spread: 3,
    daily: 1.5,
    noise: 0.05,
    driftPerDay: 0.02,
    min: 300,
    max: 1100,
    resolution: 100,
  },
  vibration: {
    unit: 'mm/s',
    base: 2.5,
    spread: 0.6,
    daily: 0.5,
    noise: 0.15,
    driftPerDay: 0.01,
    min: 0,
    max: 50,
    resolution: 1000,
  },
  power: {
    unit: 'W',
    base: 1500,
    spread: 300,
    daily: 700,
    noise: 25,
    driftPerDay: 2,
    min: 0,
    max: 10_000,
    resolution: 10,
  },
};
