import type { ColumnMetaData, SchemaTree } from 'hyparquet';

/** A page may be larger than its chunk says that all its pages are, by so much: some writers miscount. */
const slackBytes = 67_108_864;
const depthMax = 8;

// Types of pages.
const dataPage = 0;
const dictionaryPage = 2;
const dataPageV2 = 3;

/** How many bits a level of a column takes. */
export interface LevelBits {
  readonly definition: number;
  readonly repetition: number;
}

/** Of the column at a path of the schema. */
export function levelBitsOf(root: SchemaTree, path: readonly string[]): LevelBits {
  let [definition, repetition] = [0, 0];
  let node: SchemaTree | undefined = root;
  for (const name of path) {
    node = node?.children.find((child) => child.element.name === name);
    const kind = node?.element.repetition_type;
    if (kind === 'REPEATED') repetition++;
    if (kind !== 'REQUIRED') definition++;
  }
  return { definition: bitsOf(definition), repetition: bitsOf(repetition) };
}

function bitsOf(max: number): number {
  return 32 - Math.clz32(max);
}

/**
 * Throws where the headers of the pages in a column chunk say what cannot be. The package that decodes
 * the pages believes what they say, and would take minutes, or all memory, over one that is damaged.
 * The layout is that of `parquet.thrift` (`PageHeader`) in Thrift's compact protocol.
 */
export function assertPages(bytes: Uint8Array, chunk: ColumnMetaData, bits: LevelBits): void {
  const valuesMax = Number(chunk.num_values);
  const bytesMax = Number(chunk.total_uncompressed_size) + slackBytes;
  const reader = new CompactReader(bytes);
  let values = 0;
  while (values < valuesMax) {
    const header = reader.struct();
    const [type, plainBytes, storedBytes] = [header.int(1), header.int(2), header.int(3)];
    const start = reader.at;
    assertCount('bytes of a page', storedBytes, bytes.length - start);
    assertCount('bytes of a page', plainBytes, bytesMax);
    reader.at += storedBytes;
    if (type === dictionaryPage) {
      assertCount('values of a dictionary', header.struct(7).int(1), plainBytes);
      continue;
    }
    if (type !== dataPage && type !== dataPageV2) continue;
    const data = header.struct(type === dataPage ? 5 : 8);
    const count = data.int(1);
    assertCount('values of a page', count, valuesMax - values);
    if (type === dataPageV2) {
      const [definitionBytes, repetitionBytes] = [data.int(5), data.int(6)];
      assertCount('bytes of levels', definitionBytes, storedBytes);
      assertCount('bytes of levels', repetitionBytes, storedBytes - definitionBytes);
      const behind = start + repetitionBytes;
      assertRuns(bytes.subarray(start, behind), bits.repetition, count);
      assertRuns(bytes.subarray(behind, behind + definitionBytes), bits.definition, count);
    }
    values += count;
  }
}

/** Levels are runs: so many times one value, or groups of eight, packed. */
function assertRuns(bytes: Uint8Array, bits: number, count: number): void {
  if (bytes.length === 0 || bits === 0) return;
  const reader = new CompactReader(bytes);
  for (let seen = 0; seen < count;) {
    const header = reader.varint();
    const isPacked = header % 2 === 1;
    const run = Math.floor(header / 2) * (isPacked ? 8 : 1);
    // The last group of eight may be filled up.
    assertCount('levels', run, count - seen + (isPacked ? 7 : 0));
    reader.at += isPacked ? (run / 8) * bits : Math.ceil(bits / 8);
    seen += run;
  }
}

function assertCount(what: string, count: number, max: number): void {
  if (count < 0 || count > max) throw new Error(`${count} ${what}, where ${max} is the most`);
}

/** Numbers and structs by the ids of their fields; what else there is has no entry. */
class CompactStruct {
  readonly #fields: ReadonlyMap<number, number | CompactStruct>;

  constructor(fields: ReadonlyMap<number, number | CompactStruct>) {
    this.#fields = fields;
  }

  int(id: number): number {
    const value = this.#fields.get(id);
    if (typeof value !== 'number') throw new Error(`the header of a page lacks its number ${id}`);
    return value;
  }

  struct(id: number): CompactStruct {
    const value = this.#fields.get(id);
    if (!(value instanceof CompactStruct))
      throw new Error(`the header of a page lacks its part ${id}`);
    return value;
  }
}

class CompactReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(depth = 0): CompactStruct {
    if (depth > depthMax) throw new Error('the header of a page is nested too deeply');
    const fields = new Map<number, number | CompactStruct>();
    for (let id = 0; ;) {
      const byte = this.#byte();
      const type = byte & 15;
      if (type === 0) return new CompactStruct(fields);
      id = byte >> 4 === 0 ? this.#int() : id + (byte >> 4);
      const value = this.#value(type, depth);
      if (value !== undefined) fields.set(id, value);
    }
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 63; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new Error('a number in a page has no end');
  }

  #value(type: number, depth: number): number | CompactStruct | undefined {
    switch (type) {
      case 1:
      case 2:
        return undefined;
      case 3:
        return this.#byte();
      case 4:
      case 5:
      case 6:
        return this.#int();
      case 7:
        this.at += 8;
        return undefined;
      case 8: {
        // The length moves on itself: it is read before that is added to.
        const length = this.varint();
        this.at += length;
        return undefined;
      }
      case 12:
        return this.struct(depth + 1);
      default:
        throw new Error(`the header of a page has a field of type ${type}`);
    }
  }

  #int(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error('ends within a page');
    return byte;
  }
}
