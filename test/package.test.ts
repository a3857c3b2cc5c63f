import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import * as connectors from '../src/connectors/index.ts';
import * as entry from '../src/index.ts';
import * as observation from '../src/observe/index.ts';
import * as stages from '../src/stages/index.ts';

const root = join(import.meta.dirname, '..');

/** The modules outside of ours and Node's that come with a module when it is imported. */
async function packagesLoadedBy(module: string): Promise<string[]> {
  const code = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
        if (name !== undefined) loaded.add(name);
        return next(url, context);
      },
    });
    await import('${join(root, module)}');
    process.stdout.write(JSON.stringify([...loaded]));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    code,
  ]);
  return JSON.parse(stdout) as string[];
}

describe('the root entry', () => {
  test('loads no package', async () => {
    expect(await packagesLoadedBy('src/index.ts')).toEqual([]);
  });

  test('and it is seen when one does', async () => {
    expect(await packagesLoadedBy('src/testing/index.ts')).toContain('zod');
  });

  test('has every stage and connector', () => {
    expect(Object.keys(entry)).toEqual(
      expect.arrayContaining([...Object.keys(stages), ...Object.keys(connectors)]),
    );
  });
});

test('of what observes, the entry has what programs use, and none of its machinery', () => {
  expect(Object.keys(observation).sort()).toEqual([
    'AlertWebhook',
    'Alerts',
    'BufferedStructuredLogger',
    'DegradationHistogram',
    'FlightRecorder',
    'MetricsRegistry',
    'ObservabilityHarness',
    'PipelineHealthDashboard',
    'PipelineRegistry',
    'QueuePressure',
    'RecentStats',
    'StructuredLogger',
    'alertFired',
    'alertPending',
    'alertResolved',
    'breakerChanged',
    'checkThresholds',
    'componentDegraded',
    'componentRecovered',
    'defineClass',
    'explainFlight',
    'expositionFormat',
    'expositionTypes',
    'health',
    'isEvent',
    'ledgerBroken',
    'metricsRegistry',
    'metricsTable',
    'observe',
    'parseFlight',
    'prometheusText',
    'recordFailed',
    'runEnded',
    'runFailed',
    'shippedRules',
  ]);
});
