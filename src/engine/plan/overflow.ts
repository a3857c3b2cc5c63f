import { reasonOf } from '../../errors.ts';
import type { Path, SinkNode } from '../description.ts';
import { spillDirectory } from '../overflow/spill-directory.ts';
import type { Problems } from './problems.ts';

/** Less would hold hardly a batch. */
const spillBytesMin = 1_048_576;

const written = '`dropOldest`, `dropNewest`, or `{ spill: { bytesMax: … } }`';

/** Checks which sinks are required, and what the others do with rows that they cannot take. */
export function checkOverflow(
  pipeline: string,
  sinks: readonly SinkNode[],
  problems: Problems,
): void {
  for (const sink of sinks) checkSink(pipeline, sink, problems);
  if (sinks.length === 0 || sinks.some(({ required }) => required !== false)) return;
  const text =
    'no sink is required; one at least must be, or nothing would say up to where rows are safe';
  problems.add('topology', placeOf(sinks[0]!, 'required'), text);
}

function checkSink(pipeline: string, sink: SinkNode, problems: Problems): void {
  const { id, required, overflow } = sink;
  if (required !== undefined && typeof required !== 'boolean') {
    problems.add('invalid-option', placeOf(sink, 'required'), '`required` is `true` or `false`');
  } else if (required !== false) {
    if (overflow === undefined) return;
    const text = `\`${id}\` is required, so that it pauses the source and nothing overflows; add \`required: false\`, or leave \`overflow\` out`;
    problems.add('invalid-option', placeOf(sink, 'overflow'), text);
  } else if (overflow === undefined) {
    const text = `\`${id}\` is not required and does not say what becomes of rows that it cannot take: \`overflow\` is ${written}`;
    problems.add('missing-option', placeOf(sink, 'required'), text);
  } else if (overflow !== 'dropOldest' && overflow !== 'dropNewest') {
    checkSpill(pipeline, sink, problems);
  }
}

function checkSpill(pipeline: string, sink: SinkNode, problems: Problems): void {
  const place = placeOf(sink, 'overflow');
  const given: unknown = sink.overflow;
  const { spill, ...others } = Object(given) as { spill?: unknown };
  const { bytesMax, ...more } = Object(spill) as { bytesMax?: unknown };
  if (given !== 'spill' && (typeof given !== 'object' || spill === undefined)) {
    const text = `\`overflow\` of \`${sink.id}\` is ${written}`;
    problems.add('invalid-option', place, text);
  } else if (typeof bytesMax !== 'number' || !(bytesMax >= spillBytesMin) || bytesMax % 1 !== 0) {
    const text = `\`spill\` of \`${sink.id}\` needs \`bytesMax\`, a whole number from ${spillBytesMin}: \`overflow: { spill: { bytesMax: 1073741824 } }\``;
    problems.add(bytesMax === undefined ? 'missing-option' : 'invalid-option', place, text);
  } else if (Object.keys({ ...others, ...more }).length > 0) {
    const text = `\`spill\` of \`${sink.id}\` has one option, \`bytesMax\``;
    problems.add('unknown-key', place, text);
  } else checkPlace(pipeline, sink, problems);
}

/** What is spilled goes to the state directory, which not every pipeline can have by its name. */
function checkPlace(pipeline: string, sink: SinkNode, problems: Problems): void {
  try {
    spillDirectory(pipeline, sink.id);
  } catch (error) {
    problems.add('invalid-option', ['name'], reasonOf(error));
  }
}

/** Where a key beside a sink stands. */
function placeOf({ at, path }: SinkNode, key: string): Path {
  return at === undefined ? path : [...at, key];
}
