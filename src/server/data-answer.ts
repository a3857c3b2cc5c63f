import type { DataSampling } from '../engine/index.ts';
import type { Answer, DataQuery } from './messages.ts';
import type { Role } from './routes.ts';

/** The numbers of one field, or of one key of it, if they are for whoever asks. */
export function dataAnswer(
  data: DataSampling,
  { sink, field, key }: DataQuery,
  role: Role,
): Answer {
  const { list } = data;
  const { sinks } = list;
  if ((sink ?? field ?? key) === undefined) return json(list);
  if (sink === undefined || field === undefined) {
    return refused(400, 'query', 'give both `sink` and `field`, with a `key` or without, or none');
  }
  const fields = sinks.find(({ id }) => id === sink)?.fields;
  if (fields === undefined)
    return absent(
      'sink',
      sinks.map(({ id }) => id),
    );
  const known = fields.find(({ name }) => name === field);
  if (known === undefined)
    return absent(
      'field',
      fields.map(({ name }) => name),
    );
  if (known.sensitive && role !== 'admin') {
    return refused(403, 'sensitive', `\`${field}\` is sensitive: this needs the token of an admin`);
  }
  const series = data.series(sink, field, key);
  // Keys come from data: who guesses one wrong is told none of the others.
  return series ? json(series) : refused(404, 'key', 'that key is not kept');
}

function json(document: object): Answer {
  return { type: 'application/json', text: JSON.stringify(document) };
}

function absent(what: string, names: readonly string[]): Answer {
  return refused(404, what, `there ${names.length === 0 ? 'is none' : `are ${names.join(', ')}`}`);
}

function refused(status: number, code: string, message: string): Answer {
  return { status, code, message };
}
