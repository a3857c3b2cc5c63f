// What records take of memory, measured. Nothing of it is loaded with the root entry.
export { measureModule, type MeasureLimits } from './child.ts';
export { deepInstanceSize, type InstanceSize, measureInstanceSize } from './measure.ts';
export { type MemoryRow, memoryTable, type MemoryTable } from './table.ts';
export { memoryTableText } from './table-text.ts';
export type { RecordSize } from './task.ts';
