import { describe, expect, test } from 'vitest';

import { RetryRegistry, type RetryRegistryOptions } from '../../src/resilience/retry-registry.ts';
import { printRetryReport } from '../../src/resilience/retry-report.ts';
import { RetryStats } from '../../src/resilience/retry-stats.ts';

/** One call that succeeds at once, one at the third attempt, two that fail, one that propagates. */
function sample(name: string): RetryStats {
  const stats = new RetryStats(name);
  stats.recordAttempt(1, 'succeeded');
  stats.recordAttempt(1, 'failed');
  stats.recordAttempt(2, 'failed');
  stats.recordAttempt(3, 'succeeded', 300);
  stats.recordAttempt(1, 'failed');
  stats.recordAttempt(2, 'exhausted', 100);
  stats.recordAttempt(1, 'suppressed', 0);
  stats.recordAttempt(1, 'propagated');
  return stats;
}

function report(...all: Parameters<typeof printRetryReport>[0][]): string {
  let printed = '';
  for (const one of all) printRetryReport(one, { write: (text) => (printed += text) });
  return printed;
}

describe('the statistics of retries', () => {
  test('are nothing at first, with no rate that nothing divides', () => {
    expect(new RetryStats('api').summary()).toEqual({
      name: 'api',
      calls: 0,
      successfulCalls: 0,
      callsRetried: 0,
      attempts: 0,
      retries: 0,
      successfulRetries: 0,
      permanentFailures: 0,
      propagated: 0,
      suppressed: 0,
      totalDelaySeconds: 0,
      failureDelaySeconds: 0,
      successRate: null,
      recoveryRate: null,
      retryRate: null,
      averageFailureDelaySeconds: null,
    });
  });

  test('count each call once, by how it ended', () => {
    expect(sample('api').summary()).toEqual({
      name: 'api',
      calls: 5,
      successfulCalls: 2,
      callsRetried: 2,
      attempts: 8,
      retries: 3,
      successfulRetries: 1,
      permanentFailures: 2,
      propagated: 1,
      suppressed: 1,
      totalDelaySeconds: 0.4,
      failureDelaySeconds: 0.1,
      successRate: 2 / 5,
      recoveryRate: 1 / 3,
      retryRate: 2 / 5,
      averageFailureDelaySeconds: 0.05,
    });
  });

  test('count a call when it ends, one that was given up as propagated', () => {
    const stats = new RetryStats('api');
    stats.recordAttempt(1, 'failed');
    expect(stats.summary()).toMatchObject({ calls: 0, attempts: 1 });
    stats.recordAbort(1, 40);
    expect(stats.summary()).toMatchObject({
      calls: 1,
      propagated: 1,
      callsRetried: 0,
      totalDelaySeconds: 0.04,
    });
  });
});

describe('the registry', () => {
  test('has one for each name', () => {
    const registry = new RetryRegistry();
    expect(registry.get('a')).toBe(registry.get('a'));
    registry.get('b');
    expect(registry.size).toBe(2);
    expect(registry.delete('a')).toBe(true);
    expect(registry.delete('a')).toBe(false);
    expect(Array.from(registry, ({ name }) => name)).toEqual(['b']);
  });

  test('lets the one go that was asked for least recently, and counts it', () => {
    const registry = new RetryRegistry({ namesMax: 2 });
    const [a] = [registry.get('a'), registry.get('b')];
    registry.get('a');
    registry.get('c');
    expect(Array.from(registry, ({ name }) => name)).toEqual(['a', 'c']);
    expect(registry.evicted).toBe(1);
    expect(registry.get('a')).toBe(a);
  });

  test.each<[object, string]>([
    [{ namesMax: 0 }, '[retry-registry.namesMax] cannot be 0; give a whole number, 1 or more'],
    [{ nameMax: 5 }, '[retry-registry] has no option `nameMax`; did you mean `namesMax`?'],
  ])('%o is refused', (options, message) => {
    expect(() => new RetryRegistry(options as RetryRegistryOptions)).toThrow(message);
  });
});

describe('the report', () => {
  test('is a table of how calls ended and one of what retries did', () => {
    const registry = new RetryRegistry();
    registry.get('external-api');
    expect(report([sample('database'), registry.get('external-api')])).toBe(
      [
        'name          calls  attempts  recovered  failed  propagated  suppressed',
        'database          5         8          1       2           1           1',
        'external-api      0         0          0       0           0           0',
        '',
        'name          retries  retry rate  success  recovery   delay  delay/failure',
        'database            3      40.0 %   40.0 %    33.3 %  0.40 s         0.05 s',
        'external-api        0           –        –         –  0.00 s              –',
        '',
      ].join('\n'),
    );
  });

  test('takes a registry, and has its titles alone where that is empty', () => {
    const registry = new RetryRegistry();
    expect(report(registry)).toMatch(/^name .*\n\nname .*\n$/);
    registry.get('b').recordAttempt(1, 'succeeded');
    registry.get('a');
    expect(report(registry).match(/^[ab]/gm)).toEqual(['a', 'b', 'a', 'b']);
  });

  test('prints as many names as there are', () => {
    const stats = new RetryStats('api');
    const text = report(Array.from({ length: 150_000 }, () => stats));
    expect(text.split('\n').length).toBe(2 * 150_001 + 2);
  });

  test('fits 80 columns with long names and large figures, and prints no control character', () => {
    const busy = new RetryStats(`${'a very long name '.repeat(6)}`);
    for (let call = 0; call < 1_000_000; call++) busy.recordAttempt(1, 'failed');
    busy.recordAttempt(2, 'exhausted', 1e9);
    const lines = report([busy, new RetryStats('\u001b[2Jevil\n')]).split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.join('')).toContain('?[2Jevil?');
    expect(lines[1]).toMatch(/^a very long na.*… /);
  });
});
