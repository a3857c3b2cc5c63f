import { ownFile } from '../../own-files.ts';

/** What reads and writes bytes, and why it is not WebAssembly where it is not. */
export type KernelState =
  | { readonly kernels: 'wasm' }
  /** `isChosen` where somebody wants it so. */
  | { readonly kernels: 'typescript'; readonly reason: string; readonly isChosen: boolean };

/** How a codec works: by the kernels where they run, by their twin in TypeScript, or ever slowly. */
export type CodecPath = 'kernels' | 'twin' | 'slow';

/** An address or a size. */
interface KernelGlobal {
  readonly value: number;
}

/** Of WebAssembly what is needed: its types come with those of browsers only. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** What `kernels/index.ts` exports: its functions, and as globals where its memory has what. */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly CELLS_MAX: KernelGlobal;
  readonly COLUMNS_SIZE: KernelGlobal;
  readonly CONSTANTS: KernelGlobal;
  readonly CONSTANTS_SIZE: KernelGlobal;
  readonly DATA: KernelGlobal;
  readonly DATA_SIZE: KernelGlobal;
  readonly FIELDS_MAX: KernelGlobal;
  readonly HASHED: KernelGlobal;
  readonly HASHED_SIZE: KernelGlobal;
  readonly HASH_SUMS: KernelGlobal;
  readonly INPUT: KernelGlobal;
  readonly INPUT_SIZE: KernelGlobal;
  readonly KEYS_SIZE: KernelGlobal;
  readonly MISSES: KernelGlobal;
  readonly OFFSETS: KernelGlobal;
  readonly OUT: KernelGlobal;
  readonly RESULT: KernelGlobal;
  readonly ROWS_MAX: KernelGlobal;
  readonly SELECTED: KernelGlobal;
  readonly SPAN_MAX: KernelGlobal;
  readonly STORED: KernelGlobal;
  readonly STORED_SIZE: KernelGlobal;
  readonly TEXTS: KernelGlobal;
  readonly WRITTEN: KernelGlobal;
  resolveMiss(index: number, code: number): void;
  clearNulls(): void;
  gatherText(field: number, row: number, end: number, offset: number): number;
  hadNulls(field: number): number;
  patchCategories(row: number, end: number): void;
  positions(): number;
  setDictionary(field: number, id: number): void;
  validity(field: number): number;
  values(field: number): number;
  addNdjsonField(kind: number, nullable: number, keyLength: number): number;
  beginNdjson(rows: number, recordMax: number, ascii: number, noExtra: number): void;
  addCsvColumn(field: number): void;
  addCsvField(kind: number, nullable: number): void;
  addCsvMissing(field: number): void;
  beginCsv(rows: number, recordMax: number, ascii: number, delimiter: number): void;
  /** Parses a part of the input into rows, and gives the offset of the first record not taken. */
  parseRecords(
    from: number,
    end: number,
    base: number,
    row: number,
    rowEnd: number,
    rowBytes: number,
    bytesMax: number,
  ): number;
  addCell(kind: number, before: number, beforeLength: number, decimals: number): void;
  beginRows(after: number, afterLength: number, nothing: number, nothingLength: number): void;
  setCategories(field: number, text: number, starts: number, lengths: number): void;
  setCsv(delimiter: number, excelSafe: number): void;
  setNullable(field: number, nullable: number): void;
  setRowBytes(bytesMax: number): void;
  setText(field: number, text: number): void;
  writeRows(from: number, end: number): number;
  /** Takes stripes at `HASHED` into the sums at `HASH_SUMS`. */
  addStripes(count: number): void;
}

/** The kernels of this thread. Their memory is scratch, and whoever owns it says so. */
export interface Kernels {
  readonly exports: KernelExports;
  /** Who the memory of reading was last made ready for. Another finds it changed. */
  owner: object | null;
  /** The same of the memory of writing. */
  writer: object | null;
}

let loaded: { readonly kernels: Kernels | null; readonly state: KernelState } | undefined;

/** The kernels of this thread, loaded at the first call; null where they are off or cannot run. */
export function loadKernels(): Kernels | null {
  return (loaded ??= load()).kernels;
}

/** Whether the kernels work on this thread, or else their twins, and why; null before any is needed. */
export function kernelState(): KernelState | null {
  return loaded?.state ?? null;
}

function load(): NonNullable<typeof loaded> {
  if (process.env['MILLRACE_KERNELS'] === 'off') return without('MILLRACE_KERNELS is off', true);
  const { WebAssembly: api } = globalThis as { readonly WebAssembly?: unknown };
  if (api === undefined) return without('the runtime has no WebAssembly');
  const { Module, Instance } = api as WebAssemblyApi;
  let bytes: Uint8Array;
  try {
    // Here and not above: whoever asks for the state alone loads no module for it.
    bytes = process
      .getBuiltinModule('node:fs')
      .readFileSync(ownFile('dist/batch/codec/kernels.wasm'));
  } catch {
    return without('kernels.wasm cannot be read: the package is not built whole');
  }
  try {
    const { exports } = new Instance(new Module(bytes));
    const kernels = { exports: exports as KernelExports, owner: null, writer: null };
    return { kernels, state: Object.freeze({ kernels: 'wasm' }) };
  } catch (error) {
    return without(`the runtime does not take them: ${(error as Error).message}`);
  }
}

function without(reason: string, isChosen = false): NonNullable<typeof loaded> {
  return { kernels: null, state: Object.freeze({ kernels: 'typescript', reason, isChosen }) };
}
