import { defineAudited } from 'millrace/attributes';

const sensorIdOf = (index: number): string => `sensor-${index % 100}`;
const valueOf = (index: number): number => 20.5 + (index % 1000) / 7.3;

/** Fixed shape: all of its fields are set in the constructor, in one order. */
export class PlainRecord {
  readonly sensorId: string;
  value: number;
  normalized: number;
  rollingAvg: number;

  constructor(index: number) {
    this.sensorId = sensorIdOf(index);
    this.value = valueOf(index);
    this.normalized = (this.value - 10) / 80;
    this.rollingAvg = this.value - 0.25;
  }
}

/** The same fields, of which three are audited. What the constructor sets first is no change. */
export class InstrumentedRecord {
  readonly sensorId: string;
  declare value: number;
  declare normalized: number;
  declare rollingAvg: number;

  constructor(index: number) {
    this.sensorId = sensorIdOf(index);
    this.value = valueOf(index);
    this.normalized = (this.value - 10) / 80;
    this.rollingAvg = this.value - 0.25;
  }
}

defineAudited(InstrumentedRecord, ['value', 'normalized', 'rollingAvg']);

/** A record that was changed since: each audited attribute once. */
export function createChanged(index: number): InstrumentedRecord {
  const record = new InstrumentedRecord(index);
  record.value += 0.5;
  record.normalized += 0.00625;
  record.rollingAvg += 0.01;
  return record;
}
