import { performance } from 'node:perf_hooks';

import type { Flow } from '../src/core/index.ts';
import { memorySink, memorySource } from '../src/connectors/index.ts';
import { schema } from '../src/batch/index.ts';
import { validatePipeline } from '../src/engine/index.ts';
import { threshold } from '../src/stages/index.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';

const stagesCount = 100;
const validateMsMax = 1;

export const validation: readonly Measure[] = [
  {
    id: 'validate.100-stages',
    title: '`validatePipeline` of 100 stages, described and hand-written',
    peer: 'the limit',
    unit: 'ms',
    target: { within: 1 },
    run: measureValidation,
  },
];

/** Of new stages each time. */
function measureValidation({ quick }: Setting): Promise<Samples> {
  const source = memorySource({ schema: schema({ value: 'float64' }), rows: [] });
  const sink = memorySink();
  const ours: number[] = [];
  for (let round = 0; round < (quick ? 3 : 201); round++) {
    const stages = Array.from({ length: stagesCount }, (_, at) =>
      at % 2 === 0 ? threshold({ field: 'value', min: 0 }) : handWritten(),
    );
    const startMs = performance.now();
    const said = validatePipeline(source, stages, sink);
    ours.push(performance.now() - startMs);
    if (!said.includes(String(stagesCount))) throw new Error(said);
  }
  return Promise.resolve({ ours, peer: [validateMsMax] });
}

function handWritten(): unknown {
  return { transform: (stream: AsyncIterable<Flow>) => stream };
}
