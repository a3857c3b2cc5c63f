import { bitmapBytes } from '../../batch/bitmap.ts';
import type { Batch, Bitmap, FixedColumn } from '../../batch/index.ts';
import * as kernels from './kernels.ts';
import * as logic from './logic.ts';
import { type Scope, truth } from './scope.ts';

/** What one evaluation runs over. A new one for each batch. */
export interface Frame extends Scope {
  readonly batch: Batch;
}

interface Evaluated {
  /** False where no row can be null. */
  readonly nullable: boolean;
  /** Leaves the results of a batch in the node, where they stay until the next run. */
  run(frame: Frame): void;
}

export interface NumberNode extends Evaluated {
  readonly type: 'number';
  /** The digits of a literal integer, so that it may be compared with int64 exactly. */
  readonly integer?: bigint;
  /** True when `values` is the node's own, so that it may be taken away. */
  readonly owned: boolean;
  values: Float64Array;
  validity: Bitmap | null;
}

export interface Int64Node extends Evaluated {
  readonly type: 'int64';
  readonly owned: boolean;
  values: BigInt64Array;
  validity: Bitmap | null;
}

/** Its values are truths: 0 false, 1 null, 2 true. */
export interface BoolNode extends Evaluated {
  readonly type: 'bool';
  values: Uint8Array;
}

export interface TextNode extends Evaluated {
  readonly type: 'text';
  readonly constant?: string;
  /** Text that is a function of one category column, so that it is found once per code. */
  readonly byCode?: {
    readonly column: number;
    readonly map: ((value: string) => string) | undefined;
  };
  /** The text column that it is as it stands. */
  readonly textColumn?: number;
  strings: string[];
  validity: Bitmap | null;
}

/** A json or bytes field: nothing can be asked of it but whether it is there. */
export interface OpaqueNode extends Evaluated {
  readonly type: 'opaque';
  validity: Bitmap | null;
}

/** The literal `null`, which takes the type of what it stands beside. */
export interface NullNode extends Evaluated {
  readonly type: 'null';
}

/** Stands for a part that has been refused, so that nothing else is said about it. */
export interface RefusedNode extends Evaluated {
  readonly type: 'refused';
}

export type ValueNode = NumberNode | Int64Node | BoolNode | TextNode;
export type Node = ValueNode | OpaqueNode | NullNode | RefusedNode;

export const nullNode: NullNode = { type: 'null', nullable: true, run() {} };
export const refusedNode: RefusedNode = { type: 'refused', nullable: false, run() {} };

const noFloats = new Float64Array(0);
const noInt64s = new BigInt64Array(0);
const noTruths = new Uint8Array(0);

export function numberField(column: number, kind: string, nullable: boolean): NumberNode {
  const node: NumberNode = {
    type: 'number',
    nullable,
    owned: kind === 'int32',
    values: noFloats,
    validity: null,
    run(frame) {
      const { values, validity } = frame.batch.columns[column] as FixedColumn<
        Float64Array | Int32Array
      >;
      node.validity = validity;
      if (values instanceof Float64Array) {
        node.values = values;
        return;
      }
      node.values = kernels.roomFor(Float64Array, node.values, frame.rowsStored);
      kernels.readFloats(frame, values, node.values);
    },
  };
  return node;
}

export function numberConstant(value: number, digits = ''): NumberNode {
  const node: NumberNode = {
    type: 'number',
    nullable: false,
    owned: true,
    values: noFloats,
    validity: null,
    ...(/^-?\d+$/.test(digits) ? { integer: BigInt(digits) } : {}),
    run({ rowsStored }) {
      if (node.values.length >= rowsStored) return;
      node.values = kernels.roomFor(Float64Array, node.values, rowsStored);
      node.values.fill(value);
    },
  };
  return node;
}

/** The number that `compute` writes from the numbers of one node. */
export function mapNumbers(
  of: NumberNode,
  compute: (scope: Frame, a: Float64Array, out: Float64Array) => void,
): NumberNode {
  return numbers(of.nullable, (frame, node) => {
    of.run(frame);
    compute(frame, of.values, node.values);
    node.validity = of.validity;
  });
}

/** The number that `compute` writes from the numbers of two nodes. */
export function joinNumbers(
  a: NumberNode,
  b: NumberNode,
  compute: (scope: Frame, a: Float64Array, b: Float64Array, out: Float64Array) => void,
): NumberNode {
  const valid = createBitmapRoom();
  return numbers(a.nullable || b.nullable, (frame, node) => {
    a.run(frame);
    b.run(frame);
    compute(frame, a.values, b.values, node.values);
    node.validity = kernels.bothValid(a.validity, b.validity, valid(frame), frame.rowsStored);
  });
}

/** The nearest float64 of each int64. */
export function numberOfInt64(of: Int64Node): NumberNode {
  return numbers(of.nullable, (frame, node) => {
    of.run(frame);
    kernels.readFloats(frame, of.values, node.values);
    node.validity = of.validity;
  });
}

/** A number node with an array of its own; `fill` writes values and validity. */
export function numbers(
  nullable: boolean,
  fill: (frame: Frame, node: NumberNode) => void,
): NumberNode {
  const node: NumberNode = {
    type: 'number',
    nullable,
    owned: true,
    values: noFloats,
    validity: null,
    run(frame) {
      node.values = kernels.roomFor(Float64Array, node.values, frame.rowsStored);
      fill(frame, node);
    },
  };
  return node;
}

export function int64Field(column: number, nullable: boolean): Int64Node {
  const node: Int64Node = {
    type: 'int64',
    nullable,
    owned: false,
    values: noInt64s,
    validity: null,
    run({ batch }) {
      const { values, validity } = batch.columns[column] as FixedColumn<BigInt64Array>;
      node.values = values;
      node.validity = validity;
    },
  };
  return node;
}

/** An int64 node of a literal. The value is in the range of int64. */
export function int64Constant(value: bigint): Int64Node {
  const node: Int64Node = {
    type: 'int64',
    nullable: false,
    owned: true,
    values: noInt64s,
    validity: null,
    run({ rowsStored }) {
      if (node.values.length >= rowsStored) return;
      node.values = kernels.roomFor(BigInt64Array, node.values, rowsStored);
      node.values.fill(value);
    },
  };
  return node;
}

/** The same nodes, with literal integers as int64 where one of them is int64: both are then exact. */
export function withInt64s(nodes: readonly ValueNode[]): ValueNode[] {
  if (!nodes.some(({ type }) => type === 'int64')) return [...nodes];
  return nodes.map((node) => {
    if (node.type !== 'number' || node.integer === undefined) return node;
    return BigInt.asIntN(64, node.integer) === node.integer ? int64Constant(node.integer) : node;
  });
}

/** A truth node; `fill` writes every row that counts. */
export function truths(nullable: boolean, fill: (frame: Frame, out: Uint8Array) => void): BoolNode {
  const node: BoolNode = {
    type: 'bool',
    nullable,
    values: noTruths,
    run(frame) {
      node.values = kernels.roomFor(Uint8Array, node.values, frame.rowsStored);
      fill(frame, node.values);
    },
  };
  return node;
}

export function boolField(column: number, nullable: boolean): BoolNode {
  return truths(nullable, (frame, out) => {
    const { values, validity } = frame.batch.columns[column] as FixedColumn<Uint8Array>;
    logic.readBools(frame, values, out);
    logic.forgetNulls(frame, validity, out);
  });
}

export function boolConstant(value: boolean): BoolNode {
  return truths(false, (_frame, out) => out.fill(value ? truth.yes : truth.no));
}

/** Whether `a` stands to `b` as `order` says; both hold numbers, or one or both int64. */
export function compareNumbers(
  order: kernels.Order,
  a: NumberNode | Int64Node,
  b: NumberNode | Int64Node,
): BoolNode {
  return truths(a.nullable || b.nullable, (frame, out) => {
    a.run(frame);
    b.run(frame);
    if (a.type === 'number' && b.type === 'number') {
      kernels.compareFloats[order](frame, a.values, b.values, out);
    } else kernels.compareWide[order](frame, a.values, b.values, out);
    logic.forgetNulls(frame, a.validity, out);
    logic.forgetNulls(frame, b.validity, out);
  });
}

/** The truth that `combine` makes of two truths. */
export function joinTruths(a: BoolNode, b: BoolNode, combine: typeof logic.and): BoolNode {
  return truths(a.nullable || b.nullable, (frame, out) => {
    a.run(frame);
    b.run(frame);
    combine(frame, a.values, b.values, out);
  });
}

export function not(of: BoolNode): BoolNode {
  return truths(of.nullable, (frame, out) => {
    of.run(frame);
    logic.not(frame, of.values, out);
  });
}

export function opaqueField(column: number, nullable: boolean): OpaqueNode {
  const node: OpaqueNode = {
    type: 'opaque',
    nullable,
    validity: null,
    run({ batch }) {
      node.validity = batch.columns[column]!.validity;
    },
  };
  return node;
}

export function isNull(of: ValueNode | OpaqueNode): BoolNode {
  return truths(false, (frame, out) => {
    of.run(frame);
    if (of.type === 'bool') logic.readUnknown(frame, of.values, out);
    else if (of.validity === null) out.fill(truth.no);
    else logic.readMissing(frame, of.validity, out);
  });
}

/** Runs once for each frame, however many nodes read it. */
export function shared<N extends ValueNode>(node: N): N {
  const run = node.run;
  let last: Frame | undefined;
  node.run = (frame) => {
    if (frame !== last) run(frame);
    last = frame;
  };
  return node;
}

/** Scratch bits for the rows of a frame. */
export function createBitmapRoom(): (frame: Frame) => Bitmap {
  let room: Bitmap = noTruths;
  return ({ rowsStored }) => (room = kernels.roomFor(Uint8Array, room, bitmapBytes(rowsStored)));
}
