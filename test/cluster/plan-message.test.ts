import * as z from 'zod';
import { describe, expect, test } from 'vitest';

import { type Schema, schema } from '../../src/batch/index.ts';
import { builtins } from '../../src/builtins.ts';
import { planMessage, planOfMessage } from '../../src/cluster/plan-message.ts';
import { withLanes } from '../../src/cluster/with-lanes.ts';
import {
  type Definition,
  defineStage,
  type StageComponent,
  systemOutside,
} from '../../src/core/index.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { startRun, TypedPipelineBuilder } from '../../src/engine/index.ts';
import type { Plan } from '../../src/engine/planned.ts';
import { filter } from '../../src/stages/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { keepingLogger } from '../observe/log-lines.ts';
import { numbered, readings, scriptedSink, scriptedSource } from '../engine/ends.ts';
import { lanesHere, planHere } from './lanes-here.ts';

const outside = virtualOutside();

/** As it comes out on another thread. */
function received(plan: Plan): Plan {
  return planOfMessage(structuredClone(planMessage(plan)), builtins(), outside);
}

async function planOf(text: string, environment: Record<string, string> = {}): Promise<Plan> {
  const options = { registry: builtins(), outside: virtualOutside(), environment };
  return (await parseConfig(text, 'p.yaml', options)).plan();
}

const graph = `
name: sorting
batch: { rowsMax: 512 }
alerts: { webhook: { url: 'https://example.org/\${env:HOOK}' } }
sources:
  one: { simulate: { count: 5, seed: 7 } }
  two:
    memory: { rows: [{ sensorId: a, timestamp: 1 }], schema: { sensorId: category, timestamp: timestamp } }
    eventTime: { field: timestamp }
stages:
  - { branch: { routes: { high: "value > 0.5" }, otherwise: low }, id: split, from: one }
  - { select: { fields: [sensorId, timestamp] }, id: some, from: split.high }
sinks:
  high: { console: {}, from: some }
  low: { file: { path: low.ndjson }, from: split.low, required: false, overflow: dropOldest }
  plain: { file: { path: plain.csv }, from: two, resilience: { retry: {} } }
`;

describe('a plan of a file on another thread', () => {
  test('has its graph, its schemas and its settings, and nothing that only the run needs', async () => {
    const plan = await planOf(graph, { HOOK: 'hush' });
    const message = planMessage(plan);
    expect(JSON.stringify(message)).not.toContain('hush');
    const other = received(plan);
    expect(other.settings).toEqual({ ...plan.settings, alerts: undefined });
    const shown = ({ sources, stages, sinks }: Plan) => ({
      sources: sources.map(({ node: { id, component }, options, output, eventTime }) => {
        return {
          id,
          component: definitionOf(component),
          options,
          output: output.fields,
          eventTime,
        };
      }),
      stages: stages.map(({ node, options, from, input, output, outputs }) => {
        const component = definitionOf(node.component);
        const fields = { input: input.fields, output: output.fields };
        return { id: node.id, component, options, from, outputs, ...fields };
      }),
      sinks: sinks.map(({ node: { id, component, required }, options, from, input }) => {
        const isRequired = required !== false;
        return {
          id,
          component: definitionOf(component),
          options,
          from,
          isRequired,
          input: input.fields,
        };
      }),
    });
    expect(shown(other)).toEqual(shown(plan));
    // What is generated for a schema is generated once for those that were one.
    expect(other.stages[0]!.input).toBe(other.sources[0]!.output);
    expect(other.sinks.map(({ node }) => node.policy)).toEqual([undefined, undefined, undefined]);
  });

  const { sources, stages, sinks } = builtins();
  const all: Definition[] = [...sources.values(), ...stages.values(), ...sinks.values()];
  const inFiles = all.filter(({ spec }) => spec.example !== null);

  test.each(
    inFiles.map((definition) => [definition.kind, definition.spec.name, definition] as const),
  )('gives a %s `%s` the very options', (kind, _name, definition) => {
    const options: unknown = definition.spec.options(z as never).parse(definition.spec.example);
    const node = { id: 'x', component: { kind, definition, options }, path: [], from: [] };
    const fields = schema({ at: 'timestamp' });
    const ends = { from: [], input: fields, output: fields, outputs: [''] };
    const planned = { node, options, ...ends } as never;
    const parts = { source: 'sources', stage: 'stages', sink: 'sinks' } as const;
    const empty = { sources: [], stages: [], sinks: [] };
    const plan = { name: 'p', settings: {}, ...empty, [parts[kind]]: [planned] } as never;
    const [other] = received(plan)[parts[kind]];
    expect(other!.options).toEqual(options);
    expect((other!.node.component as { definition: unknown }).definition).toBe(definition);
  });

  test('keeps the fields of a schema whose names no object would keep', async () => {
    const text = `
source: { memory: { rows: [], schema: { __proto__: float64, b: text, "0": int32? } } }
sink: { console: {} }`;
    const plan = await planOf(text);
    const fieldsIn = ({ sources: [source] }: Plan): unknown =>
      (source!.options as { readonly schema: Schema }).schema.fields;
    expect(fieldsIn(received(plan))).toEqual(fieldsIn(plan));
  });

  test('is refused where it holds a function, which no thread can be sent', async () => {
    const builder = new TypedPipelineBuilder('p', {}, { outside });
    builder
      .from(scriptedSource({ schema: readings, batches: [numbered(1)] }))
      .pipe(filter(() => true))
      .to(scriptedSink({}));
    const plan = await builder.plan();
    const { stages: laned } = plan;
    expect(() => planMessage({ ...plan, sources: [], stages: laned, sinks: [] })).toThrow(
      'holds what only code can give',
    );
  });
});

function definitionOf(component: object | undefined): unknown {
  return (component as { readonly definition?: unknown }).definition;
}

type Saying = () => StageComponent<never>;

const saying: Saying = defineStage<Saying>({
  name: 'saying',
  summary: 'Say a secret.',
  options: (zod) => zod.object({}),
  example: {},
  rows: 'same',
  keeps: () => 'nothing',
  changes: () => [],
  output: (input) => input,
  create: (_options, { log }) => {
    log.info('said', { text: 'it is hush', deep: { also: ['hush'] }, rows: 3 });
    return (batch) => batch;
  },
}) as Saying;

test('what a lane says has no secret in it', async () => {
  const builder = new TypedPipelineBuilder('p', {}, { outside: systemOutside() });
  builder
    .from(scriptedSource({ schema: readings, batches: [numbered(1)] }))
    .pipe(saying() as never)
    .to(scriptedSink({}) as never);
  const plan = { ...(await builder.plan()), scrub: (text: string) => text.replace('hush', '***') };
  const { log, lines } = keepingLogger();
  const choice = { count: 2, by: null, reason: '' };
  const run = await startRun(withLanes(plan, choice, lanesHere(plan), planHere), { log });
  await run.done;
  await log.flush();
  const said = lines().find(({ event }) => event === 'said');
  expect(said).toMatchObject({ component: 'saying', text: 'it is ***', rows: 3 });
  expect(said!['deep']).toEqual({ also: ['***'] });
});
