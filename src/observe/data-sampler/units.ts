import type { Batch, Schema } from '../../batch/index.ts';

/** As the `sensors` source has them. */
const [valueName, unitName] = ['value', 'unit'];
const unitLengthMax = 32;

/** In what the field `value` of a sink is measured, where a field `unit` beside it says so. */
export class Units {
  readonly #at: number;
  /** By the number of a key; at 0 of rows that have none that is kept. Null where they differ. */
  readonly #of: (string | null | undefined)[] = [];

  /** Undefined where nothing says it, or not to everybody. */
  static of(schema: Schema): Units | undefined {
    if (!schema.has(valueName) || !schema.has(unitName)) return undefined;
    const { kind, sensitive } = schema.field(unitName);
    const isText = kind === 'category' || kind === 'text';
    return isText && sensitive !== true ? new Units(schema.indexOf(unitName)) : undefined;
  }

  private constructor(at: number) {
    this.#at = at;
  }

  /** Looks at a stored row. `key`: the number of its key; -1 where it has none that is kept. */
  take(batch: Batch, row: number, key: number): void {
    const slot = key + 1;
    const before = this.#of[slot];
    if (before === null) return;
    const given = batch.columns[this.#at]!.value(row);
    if (typeof given !== 'string' || given.length > unitLengthMax) return;
    this.#of[slot] = before === undefined || before === given ? given : null;
  }

  /** That of a field, of one key or of all; undefined where it is not known, or they differ. */
  unit(field: string, key: number | undefined): string | undefined {
    if (field !== valueName) return undefined;
    const slots = key === undefined ? this.#of : [this.#of[key + 1]];
    const [unit, ...others] = new Set(slots.filter((one) => one !== undefined));
    return others.length > 0 ? undefined : unit || undefined;
  }
}
