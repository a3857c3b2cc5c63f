import { ValidationError } from '../engine/index.ts';
import { chooseLanes, coresExceeded } from '../engine/plan/lanes.ts';
import type { LanesChoice } from '../engine/planned.ts';
import { exitCodes, reportFailure } from './failure.ts';
import { loadConfig } from './load.ts';
import { checkConfigKept } from './own-files.ts';
import type { Terminal } from './terminal.ts';

export interface ValidateOptions {
  readonly set?: readonly string[];
  readonly json?: boolean;
}

/** Checks a pipeline file without running it; gives the exit code. */
export async function validatePipeline(
  file: string,
  { set, json }: ValidateOptions,
  terminal: Terminal,
): Promise<number> {
  try {
    const config = await loadConfig(file, set, terminal);
    const plan = await config.plan();
    await checkConfigKept(file, plan);
    const { name, sources, stages, sinks } = plan;
    if (json) {
      terminal.printJson({ file, valid: true, pipeline: name, problems: [] });
    } else {
      const counts = [
        counted(sources.length, 'source'),
        counted(stages.length, 'stage'),
        counted(sinks.length, 'sink'),
      ];
      terminal.print(`${file}: valid: ${name}, ${counts.join(', ')}`);
      if (plan.settings.lanes !== 1) terminal.print(lanesText(chooseLanes(plan)));
    }
    return exitCodes.done;
  } catch (error) {
    if (!json || !(error instanceof ValidationError)) return reportFailure(error, terminal);
    const problems = error.problems.map(({ kind, file: place, line, column, path, text }) => ({
      kind,
      file: place,
      line,
      column,
      path,
      text,
    }));
    terminal.printJson({ file, valid: false, problems });
    return exitCodes.invalidConfig;
  }
}

function lanesText(lanes: LanesChoice): string {
  const cores = coresExceeded(lanes);
  const advice = cores === undefined ? '' : `; more than the ${counted(cores, 'core')} are slower`;
  return `${counted(lanes.count, 'lane')}: ${lanes.reason}${advice}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
