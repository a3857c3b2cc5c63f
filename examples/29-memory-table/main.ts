import { join } from 'node:path';

import { getChangeLog } from 'millrace/attributes';
import { type InstanceSize, measureModule, memoryTable, memoryTableText } from 'millrace/memory';

import { createChanged, InstrumentedRecord } from './records.ts';

const table = await memoryTable([100_000]);
console.log(memoryTableText(table));

const retained = (record: string): number =>
  table.rows.find((row) => row.record === record)!.retainedBytes;
const within = (part: string, least: number, whole: string, most: number): boolean => {
  const ratio = retained(part) / retained(whole);
  return ratio >= least && ratio <= most;
};
console.log('\na literal takes what the class does:', within('literal', 0.95, 'class', 1.05));
console.log('a dictionary takes four times as much, or more:', within('dictionary', 4, 'class', 5));
console.log('columns take less than a third of it:', within('columns', 0.29, 'class', 0.33));

const measure = (name: string): Promise<InstanceSize> =>
  measureModule(join(import.meta.dirname, 'records.ts'), name, 100_000);
const plain = await measure('PlainRecord');
const audited = await measure('InstrumentedRecord');
const changed = await measure('createChanged');

console.log('\nthe plain record:', shape(plain));
console.log('audited, not changed yet:', shape(audited));
console.log('each attribute changed once:', shape(changed));
const cost = (size: InstanceSize): number => size.retainedBytes - plain.retainedBytes;
console.log(`what the audit costs: ${cost(audited).toFixed(0)} bytes of each record,`);
console.log(`and ${(cost(changed) / 3).toFixed(0)} for each attribute that has changed`);
console.log('nothing before the first change:', Math.abs(cost(audited)) < 2);

const record = createChanged(7);
const { entries, changes } = getChangeLog(record, 'value');
console.log('\nits own keys:', Object.keys(record).join(', '));
console.log('its log:', changes, 'change, from', entries[0]?.from, 'to', entries[0]?.to);
console.log('of another record:', getChangeLog(new InstrumentedRecord(7), 'value').changes);

function shape({ hasFastShape, shellBytes, directBytes }: InstanceSize): string {
  const fast = hasFastShape ? 'fast shape' : 'no fast shape';
  return `${fast}, shell ${shellBytes} bytes, values ${directBytes}`;
}
