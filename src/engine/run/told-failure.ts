import { type ErrorCode, isPipelineError, PipelineError } from '../../errors.ts';

/** What these come from was thrown on records, and may quote them. */
const ofRecords: ReadonlySet<ErrorCode> = new Set(['ERR_ROW_FAILED', 'ERR_STAGE_FAILED']);

/** What ended a run, and the component that it was in, where it was one. */
export interface ToldFailure {
  readonly error: unknown;
  readonly component: string | null;
}

/**
 * What ended a run as log and listeners are told of it: whoever awaits the run is given its cause, and
 * here is only where that was thrown.
 */
export function toldFailure(error: unknown, logBodies: boolean): unknown {
  if (logBodies || !isPipelineError(error) || !ofRecords.has(error.code)) return error;
  const { code, place, fact, remedy, cause } = error;
  const told = new PipelineError({ code, place, fact, ...(remedy !== undefined && { remedy }) });
  const frames = framesOf(cause) || framesOf(error);
  told.stack = `${told.name}: ${told.message}${frames}`;
  return told;
}

/** The lines of a stack behind its message, which may look like them. */
function framesOf(error: unknown): string {
  if (!Error.isError(error)) return '';
  const { message, stack = '' } = error;
  const at = stack.indexOf(message);
  if (at < 0) return '';
  return /(\n {4}at .+)+$/.exec(stack.slice(at + message.length))?.[0] ?? '';
}
