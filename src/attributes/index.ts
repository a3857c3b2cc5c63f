export type { AttributeRule, AttributeSchema } from '../core/attribute.ts';
export { jsonSchemaOf } from '../core/attribute-schema.ts';
export type { Change, ChangeLog } from '../core/change-trail.ts';
export { changedBy, type ChangedByOptions } from '../core/changed-by.ts';
export {
  audited,
  defineAudited,
  diffStageSnapshots,
  getChangeLog,
  type SnapshotDiff,
} from './audited.ts';
export { MonitoredPipelineStage } from './monitored-stage.ts';
export {
  type AttributesOf,
  defineAttributes,
  type Rules,
  type RulesFor,
  type RulesIn,
  rulesOf,
} from './define-attributes.ts';
export { type AnyRule, optional, type Rule, type TypeOf, withDefault } from './rule.ts';
export {
  arrayOf,
  custom,
  type CustomJudge,
  type CustomOptions,
  type CustomParser,
  nonEmptyString,
  oneOf,
  pattern,
  positiveInt,
  rangeFloat,
} from './rules.ts';
