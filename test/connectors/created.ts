import type { Batch, Fields, RecordOf } from '../../src/batch/index.ts';
import { endOfInput, type Outside, type SourceComponent } from '../../src/core/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { type Bench, openSource, type PlannedSource } from './planned.ts';

/** A source that can be read in part. */
export interface CreatedSource<F extends Fields> extends Omit<PlannedSource, 'rows'> {
  readonly outside: Outside;
  /** Batches up to the end, or as many as asked for. */
  batches(count?: number): Promise<Batch<F>[]>;
  rows(count?: number): Promise<RecordOf<F>[]>;
}

/** Plans a source and opens it, in virtual time unless another outside is given. */
export async function createSource<F extends Fields>(
  component: SourceComponent<F>,
  { outside: parts, ...bench }: Omit<Bench, 'outside'> & { outside?: Partial<Outside> } = {},
): Promise<CreatedSource<F>> {
  const outside = { ...virtualOutside(), ...parts };
  const source = await openSource(component, { ...bench, outside });
  const batches = async (count = Infinity): Promise<Batch<F>[]> => {
    const read: Batch[] = [];
    while (read.length < count) {
      const batch = await source.connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      read.push(batch);
    }
    return read as unknown as Batch<F>[];
  };
  return {
    ...source,
    outside,
    batches,
    rows: async (count) => (await batches(count)).flatMap((batch) => batch.toRows()),
  };
}
