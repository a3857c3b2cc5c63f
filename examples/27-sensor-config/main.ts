import {
  audited,
  changedBy,
  getChangeLog,
  nonEmptyString,
  oneOf,
  positiveInt,
  rangeFloat,
  rulesOf,
} from 'millrace/attributes';

class SensorConfig {
  @nonEmptyString accessor sensorId: string;
  @audited @rangeFloat(0.5, 2) accessor calibrationFactor = 1;
  @oneOf(['json', 'csv', 'binary']) accessor outputFormat: 'json' | 'csv' | 'binary' = 'json';
  @positiveInt accessor bufferSize = 1024;

  constructor(sensorId: string) {
    this.sensorId = sensorId;
  }

  toString(): string {
    const { sensorId, calibrationFactor, outputFormat, bufferSize } = this;
    return JSON.stringify({ sensorId, calibrationFactor, outputFormat, bufferSize });
  }
}

for (const [name, { text }] of Object.entries(rulesOf(SensorConfig))) {
  console.log(`${name}: ${text}`);
}

const config = new SensorConfig('  boiler-7 ');
changedBy('anna', () => (config.calibrationFactor = 1.25));
config.outputFormat = 'csv';
console.log(`\nvalid: ${String(config)}\n`);

const mistakes: readonly (() => unknown)[] = [
  () => (config.sensorId = '   '),
  () => (config.calibrationFactor = 2.5),
  () => (config.outputFormat = 'xml' as 'json'),
  () => (config.bufferSize = '64' as unknown as number),
  () => (config.calibrationFactor = Number.NaN),
];
for (const mistake of mistakes) {
  try {
    mistake();
    console.log('accepted, which it must not be');
  } catch (error) {
    console.log('refused:', (error as Error).message);
  }
}

console.log(`\nstill: ${String(config)}`);
const { entries, changes } = getChangeLog(config, 'calibrationFactor');
for (const { from, to, by } of entries) console.log(`change ${changes}: ${from} → ${to} by ${by}`);
