import type * as zod from 'zod';

import type { JsonValue } from '../batch/index.ts';
import type { Definition, PipelineRegistry, Zod } from '../core/index.ts';
import {
  type JsonSchema,
  type JsonSchemaVersion,
  toJsonSchema,
} from '../core/option-description.ts';
import { placementKeys } from './config/entries.ts';
import { eventTimeShape } from './config/event-time.ts';
import { policyShape } from './config/policy-shape.ts';
import { settingsShape } from './config/settings.ts';

/**
 * The JSON Schema of a pipeline file that may name the registry's components, with the description
 * and default of each option, for editors.
 */
export async function configSchema(
  registry: PipelineRegistry,
  version: JsonSchemaVersion = 'draft-7',
): Promise<JsonSchema> {
  const z = await import('zod');
  const policy = policyShape(z);
  const source = entrySchema(z, 'source', registry, policy);
  const stage = entrySchema(z, 'stage', registry, policy);
  const sink = entrySchema(z, 'sink', registry, policy);
  const settings = Object.entries(settingsShape(z)).map(([key, type]) => [key, type.optional()]);
  const file = z.strictObject({
    $schema: z.string().optional().describe('Where this schema is, for editors.'),
    name: z.string().optional().describe("The pipeline's name; the file's own unless given."),
    source: source.optional().describe('Where the records come from.'),
    sources: z.record(z.string(), source).optional().describe('Several sources, by id.'),
    stages: z.array(stage).optional().describe('What is done with them, in order.'),
    sink: sink.optional().describe('Where they go.'),
    sinks: z.record(z.string(), sink).optional().describe('Several sinks, by id.'),
    deadLetters: sink.optional().describe('Where failed records go; a file unless given.'),
    policies: z
      .record(z.string(), policy.meta(someParts))
      .meta(someParts)
      .optional()
      .describe('Policies by name: all that refer to one share its breaker and its budget.'),
    ...(Object.fromEntries(settings) as Record<string, zod.ZodType>),
  });
  return { ...toJsonSchema(z, file, version, 'ref'), title: 'Millrace pipeline' };
}

/** An empty map says nothing, and is refused. */
const someParts = { minProperties: 1 };

/** The JSON Schema of the options of one component. */
export async function optionsSchema({ spec }: Definition): Promise<JsonSchema> {
  const z = await import('zod');
  return toJsonSchema(z, spec.options(z), 'draft-7', 'inline');
}

/** The example of a component as the part of a config that it would be. */
export function exampleConfig({ kind, spec }: Definition): JsonValue {
  const entry = { [spec.name]: spec.example };
  return kind === 'stage' ? { stages: [entry] } : { [kind]: entry };
}

function entrySchema(
  z: Zod,
  kind: Definition['kind'],
  registry: PipelineRegistry,
  policy: zod.ZodObject,
): zod.ZodType {
  const definitions: ReadonlyMap<string, Definition> = registry[`${kind}s`];
  const placement = placementShape(z, kind, policy);
  const shape: Record<string, zod.ZodType> = {};
  const bare: string[] = [];
  for (const [name, { spec }] of definitions) {
    const options: zod.ZodType = spec.options(z);
    const described = options.describe(spec.summary);
    if (options.safeParse({}).success) {
      bare.push(name);
      shape[name] = described.nullable().optional();
    } else {
      shape[name] = described.optional();
    }
  }
  const component = z.strictObject({ ...placement, ...shape });
  return bare.length === 0 ? component : z.union([component, z.enum(bare)]);
}

function placementShape(
  z: Zod,
  kind: Definition['kind'],
  policy: zod.ZodObject,
): Record<string, zod.ZodType> {
  const references = z.union([z.string(), z.array(z.string()).min(1)]);
  const resilience = kind === 'stage' ? policy : policy.omit({ fallback: true });
  const keys: Record<string, zod.ZodType> = {
    id: z.string().optional().describe("Its name here; the component's unless given."),
    from: references.optional().describe('What it reads from: an id, or `id.output` of a branch.'),
    required: z
      .boolean()
      .default(true)
      .describe('Whether a sink that cannot take data pauses the source, and fails the run.'),
    overflow: z
      .union([
        z.enum(['dropOldest', 'dropNewest']),
        z.strictObject({
          spill: z.strictObject({
            bytesMax: z.int().min(1_048_576).describe('Of all files together; then the oldest go.'),
          }),
        }),
      ])
      .optional()
      .describe('What a sink that is not required does with rows that it has no room for.'),
    eventTime: eventTimeShape(z).optional(),
    resilience: z
      .union([z.string(), resilience.meta(someParts)])
      .optional()
      .describe('What stands around its calls: a policy, or the name of one under `policies`.'),
  };
  return Object.fromEntries(placementKeys[kind].map((key) => [key, keys[key]!]));
}
