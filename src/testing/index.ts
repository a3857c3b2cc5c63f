export type { Check, Skips } from './check.ts';
export { type VirtualOutside, virtualOutside } from './outside.ts';
export { createStage, type TestedStage } from './stage.ts';
export type { StageCase, StageCheck } from './stage-run.ts';
export { stageSuite } from './stage-suite.ts';
