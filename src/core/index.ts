export {
  type Clock,
  type SleepOptions,
  systemClock,
  type Timer,
  type TimerOptions,
  VirtualClock,
} from './clock.ts';
export {
  type Decoding,
  decodingOptions,
  checkDecimals,
  encodeOptions,
  type Encoding,
  encodingOptions,
  refineDecoding,
  refineEncoding,
} from './codec-options.ts';
export { type ColumnFill, createColumnFill } from './column-fill.ts';
export {
  type AnyRowTest,
  checkCondition,
  compileCondition,
  condition,
  type Condition,
  type RowTest,
} from './condition.ts';
export {
  type AnomalyFlag,
  type ChunksSpec,
  type DecodesChunks,
  type Definition,
  defineSink,
  defineSource,
  defineStage,
  type EventTimeOptions,
  isDescribed,
  type Kept,
  type Overflow,
  type Placement,
  type PlanContext,
  type SinkComponent,
  type SinkDefinition,
  type SinkPlacement,
  type SinkSpec,
  type SourceComponent,
  type SourceDefinition,
  type SourcePlacement,
  type SourceSpec,
  type StageComponent,
  type StageDefinition,
  type StageFigures,
  type StageSpec,
  type Zod,
} from './component.ts';
export type {
  BatchLimits,
  CallFor,
  Context,
  EncoderContext,
  FailedRecord,
  Outside,
  SinkContext,
  SourceContext,
  SourceReport,
  StageContext,
  StageReport,
} from './context.ts';
export {
  type ComponentDescription,
  type ComponentType,
  type Described,
  type ParameterDescription,
} from './describe.ts';
export { Cut, type Flow, isCut, type Position, positionCut } from './cut.ts';
export { checkEach } from './check-each.ts';
export {
  type AnyRowValue,
  checkValue,
  compileValue,
  expression,
  ExpressionError,
  type ExpressionFunction,
  expressionFunctions,
  expressionLimits,
  type ExpressionProblem,
  ExpressionSyntaxError,
  type RowValue,
  takesExpression,
} from './expression.ts';
export { fieldOfKind } from './field-of-kind.ts';
export { functionOption, recordFunctionOption } from './function-option.ts';
export type { FileFacts, FileHandle, FileLock, Files, FileSpace } from './files.ts';
export {
  type DeadLetterFields,
  deadLetterSchema,
  excerptRecord,
  type RecordExcerpt,
} from './dead-letter.ts';
export { fieldTypeOption, kindOption, sensitiveOption } from './kind-option.ts';
export { defineEvent, type EventDefinition, type EventFields, logAt } from './events.ts';
export { isLogLevel, type Logger, type LogLevel, logLevels, silentLogger } from './log.ts';
export type { Network } from './network.ts';
export { optionMessage } from './option-message.ts';
export { systemOutside } from './outside.ts';
export {
  PipelineRegistry,
  type PrintManifestOptions,
  type Registrable,
} from './pipeline-registry.ts';
export type { BreakerState, Policy, PolicyHolder } from './policy.ts';
export { normalDeviate, type Random, randomSecret, seededRandom, systemRandom } from './random.ts';
export { type ReadingFields, readingSchema } from './reading.ts';
export { RecordCollector } from './record-collector.ts';
export {
  type AnyRowFunction,
  type ComputeColumn,
  type RowFunction,
  RowRunner,
} from './row-function.ts';
export { RowFailures } from './row-failures.ts';
export { schemaOption } from './schema-option.ts';
export type { SensorReport, SensorState } from './sensor-report.ts';
export { type FailedRow, isSink, type Sink, type SinkConnector, type WriteResult } from './sink.ts';
export {
  endOfInput,
  isSource,
  type Lag,
  type Source,
  type SourceConnector,
  type WhenPaused,
} from './source.ts';
export {
  isStage,
  type RowsKept,
  type Stage,
  type StageInstance,
  type StageProcess,
  type StageState,
  type StatefulStage,
} from './stage.ts';
export { systemFiles } from './system-files.ts';
export { systemNetwork } from './system-network.ts';
export { Ticks } from './ticks.ts';
export { Undelivered } from './undelivered.ts';
export type { UnknownFields } from './unknown-fields.ts';
