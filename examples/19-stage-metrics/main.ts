import assert from 'node:assert/strict';

import { countedStage, timedStage } from 'millrace/decorators';
import { MetricsRegistry, metricsTable } from 'millrace/observe';
import { virtualOutside } from 'millrace/testing';

interface Reading {
  readonly id: number;
  readonly value: number;
}

interface Features extends Reading {
  readonly mean: number;
  readonly range: number;
}

// Virtual time, so that the table is the same on every machine. The seed fixes values and durations.
const { clock, random } = virtualOutside(19);
const registry = new MetricsRegistry({ clock });

/** Takes a while: half to one and a half times so long. */
function work(typicalMs: number): Promise<void> {
  return clock.sleep(typicalMs * (0.5 + random.next()));
}

class ThresholdFilter {
  readonly #min: number;
  readonly #max: number;

  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
  }

  @countedStage('threshold-filter', { registry })
  @timedStage('threshold-filter', { registry })
  async *process(readings: AsyncIterable<Reading>): AsyncGenerator<Reading> {
    for await (const reading of readings) {
      await work(0.02);
      if (reading.value >= this.#min && reading.value <= this.#max) yield reading;
    }
  }
}

class Normalizer {
  @timedStage('normalizer', { registry })
  @countedStage('normalizer', { registry })
  async *process(readings: AsyncIterable<Reading>): AsyncGenerator<Reading> {
    for await (const { id, value } of readings) {
      await work(0.05);
      yield { id, value: (value - 10) / 80 };
    }
  }
}

class FeatureExtractor {
  readonly #windowRows = 50;

  @countedStage('feature-extractor', { registry })
  @timedStage('feature-extractor', { registry })
  async *process(readings: AsyncIterable<Reading>): AsyncGenerator<Features> {
    const window: number[] = [];
    for await (const reading of readings) {
      window.push(reading.value);
      if (window.length > this.#windowRows) window.shift();
      await work(0.004 * window.length);
      const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
      yield { ...reading, mean, range: Math.max(...window) - Math.min(...window) };
    }
  }
}

async function* simulate(count: number): AsyncGenerator<Reading> {
  for (let id = 0; id < count; id++) yield { id, value: 100 * random.next() };
}

const filtered = new ThresholdFilter(10, 90).process(simulate(5000));
const features = new FeatureExtractor().process(new Normalizer().process(filtered));
let last: Features | undefined;
for await (const one of features) last = one;

const report = registry.report();
process.stdout.write(metricsTable(report));

const [filter, normalizer, extractor] = ['threshold-filter', 'normalizer', 'feature-extractor'].map(
  (name) => report.stages.find((stage) => stage.name === name)!,
);
assert.equal(report.stages.length, 3);
assert.equal(filter!.in, 5000);
assert.deepEqual([normalizer!.in, extractor!.in], [filter!.out, filter!.out]);
assert.deepEqual([normalizer!.ratio, extractor!.ratio], [1, 1]);
const slowest = report.stages.toSorted((a, b) => b.p95Ms! - a.p95Ms!)[0]!;
console.log(`\nthe slowest is the ${slowest.name}`);
assert.ok(last!.range > 0.9 && Math.abs(last!.mean - 0.5) < 0.2);
