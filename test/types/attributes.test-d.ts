// Checked by the compiler alone: what rules and decorators of accessors take and give.
import {
  arrayOf,
  type AttributesOf,
  audited,
  type ChangeLog,
  custom,
  defineAttributes,
  defineAudited,
  diffStageSnapshots,
  getChangeLog,
  nonEmptyString,
  oneOf,
  optional,
  pattern,
  positiveInt,
  rangeFloat,
  rulesOf,
  type Rule,
  type TypeOf,
  withDefault,
} from '../../src/attributes/index.ts';

const formats = oneOf(['json', 'csv', 'binary']);
export const format: TypeOf<typeof formats> = 'csv';
// @ts-expect-error none of the values
export const mistyped: TypeOf<typeof formats> = 'xml';

export class SensorConfig {
  @nonEmptyString accessor sensorId = 's1';
  @rangeFloat(0.5, 2) @audited accessor calibrationFactor = 1;
  @audited @formats accessor outputFormat: 'json' | 'csv' | 'binary' = 'json';
  @withDefault(positiveInt, 1024) accessor bufferSize!: number;
  @arrayOf(pattern(/^[a-z]+$/)) accessor tags: readonly string[] = [];
  // @ts-expect-error a number before text
  @rangeFloat(0.5, 2) accessor unit = 'C';
  // @ts-expect-error any text where three are taken
  @formats accessor other: string = 'json';
  // @ts-expect-error a list that could be pushed to
  @arrayOf(positiveInt) accessor sizes: number[] = [];
  // @ts-expect-error a field
  @nonEmptyString name = 'a';
  // @ts-expect-error a field
  @audited count = 0;
  // @ts-expect-error a method
  @rangeFloat(0, 1)
  read(): number {
    return this.count;
  }
  // @ts-expect-error a getter
  @audited
  get half(): number {
    return this.count / 2;
  }
}

export class Maybe {
  declare level?: number;
  declare count: number | undefined;
  @optional(positiveInt) accessor size: number | undefined;
  // @ts-expect-error it may be unset
  @optional(positiveInt) accessor width: number = 1;
}
defineAttributes(Maybe, { level: optional(positiveInt), count: optional(positiveInt) });
export const maybe: Rule<number | undefined> = optional(positiveInt);

// @ts-expect-error a class
@nonEmptyString
export class Decorated {}

export class Declared {
  declare sensorId: string;
  declare level: number | null;
  declare tags: readonly string[];
}

const rules = { sensorId: nonEmptyString, tags: arrayOf(nonEmptyString) };
export const same: typeof Declared = defineAttributes(Declared, rules);
export const types: AttributesOf<typeof rules> = { sensorId: 's1', tags: ['a'] };
export const none: AttributesOf<typeof rules> = {
  sensorId: 's1',
  // @ts-expect-error the items are text
  tags: [1],
};
// @ts-expect-error the attribute is text
defineAttributes(Declared, { sensorId: positiveInt });
// @ts-expect-error no attribute of the class
defineAttributes(Declared, { sensorIb: nonEmptyString });
export const audits: typeof Declared = defineAudited(Declared, ['level']);
// @ts-expect-error no attribute of the class
defineAudited(Declared, ['levle']);

const config = new SensorConfig();
export const log: ChangeLog<number> = getChangeLog(config, 'calibrationFactor');
export const last: 'json' | 'csv' | 'binary' | undefined = getChangeLog(config, 'outputFormat')
  .entries[0]?.to;
// @ts-expect-error no attribute of the class
getChangeLog(config, 'calibrationFaktor');
export const delta: number | null = diffStageSnapshots(config, config, 'bufferSize').delta;
// @ts-expect-error an attribute of the first alone
diffStageSnapshots(config, new Declared(), 'bufferSize');

export const text: string | undefined = rulesOf(SensorConfig).calibrationFactor?.text;
// @ts-expect-error no attribute of the class
export const misspelt = rulesOf(SensorConfig)['outputFromat'];
export const texts: string[] = Object.entries(rulesOf(SensorConfig)).map(([, rule]) => rule.text);

export const guarded: Rule<number> = custom('even', {
  accepts: (value): value is number => value === 2,
});
export const parsed: Rule<Date> = custom('date', { parse: (value) => new Date(String(value)) });
export const flag: Rule<boolean> = custom('flag', { parse: (value) => value === 'on' });
export const judged: Rule<unknown> = custom('even', {
  accepts: (value) => Number(value) % 2 === 0,
});
// @ts-expect-error what judges alone says nothing of the type
export const known: Rule<number> = custom('even', { accepts: (value) => Number(value) % 2 === 0 });
// @ts-expect-error what judges answers true or false
custom('mixed', { accepts: (value) => (value === 'on' ? true : Number(value)) });
// @ts-expect-error one of the two
custom('both', { accepts: (value) => value === 2, parse: Number });
// @ts-expect-error a default of another type
export const defaulted: Rule<number> = withDefault(positiveInt, '1');
// @ts-expect-error limits as text
rangeFloat('0', 1);
// @ts-expect-error objects cannot be compared
oneOf([{}]);
