/** Whose numbers can be asked for: the answer to `GET /api/v1/data`. */
export interface DataList {
  readonly sinks: readonly SinkData[];
}

/** The number fields of what a sink is given. */
export interface SinkData {
  readonly id: string;
  readonly fields: readonly DataField[];
  /** Fields that there is no memory for. */
  readonly fieldsLeftOut: number;
  /** The field that says whose each value is; null where there is none, or it is sensitive. */
  readonly by: string | null;
  /** Whose values can be asked for apart, in alphabetical order: those that came first. */
  readonly keys: readonly string[];
  /** Further ones that were seen, for whom there is no memory; 1,000: that many or more. */
  readonly keysLeftOut: number;
}

/** A number field of a sink's schema. */
export interface DataField {
  readonly name: string;
  readonly kind: 'float64' | 'int32' | 'int64';
  /** Whether its values are for an admin only. */
  readonly sensitive: boolean;
}

/**
 * One field over the last ten minutes, by the second, the oldest first: the answer to
 * `GET /api/v1/data?sink=…&field=…`. Of a large batch a few rows are looked at; null where there was
 * none. With `&key=…` the values of that key alone: of each second the last, so that `min`, `max`,
 * `mean` and `last` are the same.
 */
export interface DataSeries {
  readonly everyMs: number;
  /** Of the field `value`, where a field `unit` of the same rows says it, and always the same. */
  readonly unit?: string;
  /** The beginning of each second: wall time in milliseconds. */
  readonly at: readonly number[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  readonly mean: readonly (number | null)[];
  readonly last: readonly (number | null)[];
  /** Values that these are made of. */
  readonly count: readonly number[];
  /** The last rows that `detectAnomalies` has marked, at most 500, the oldest first. */
  readonly anomalies: readonly DataAnomaly[];
}

/** A row that is out of the ordinary. */
export interface DataAnomaly {
  /** When it came to the sink: wall time in milliseconds. */
  readonly at: number;
  readonly value: number;
  /** Whose value it is, where each has detectors of its own. */
  readonly by?: string;
}
