export { Histogram } from './histogram.ts';
export { Meter } from './meter.ts';
