export { fromArrow } from './arrow/from-arrow.ts';
export type {
  ArrowData,
  ArrowField,
  ArrowModule,
  ArrowRecordBatch,
  ArrowTable,
  ArrowType,
} from './arrow/structure.ts';
export { toArrow } from './arrow/to-arrow.ts';
