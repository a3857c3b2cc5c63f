import { bitmapBytes } from '../../batch/bitmap.ts';
import * as kernels from './kernels.ts';
import { truth } from './scope.ts';
import {
  type BoolNode,
  createBitmapRoom,
  type Frame,
  type Int64Node,
  isNull,
  not,
  type NumberNode,
  numbers,
  shared,
  type TextNode,
  truths,
  type ValueNode,
} from './node.ts';
import { text } from './text.ts';

/** For each row the value of `yes` where `test` is true, otherwise of `no`: of the same type. */
export function choose<N extends ValueNode>(test: BoolNode, yes: N, no: N): N {
  const nullable = yes.nullable || no.nullable;
  const run = (frame: Frame): void => {
    test.run(frame);
    yes.run(frame);
    no.run(frame);
  };
  if (yes.type === 'bool') {
    return truths(nullable, (frame, out) => {
      run(frame);
      kernels.choose(frame, test.values, yes.values, (no as BoolNode).values, out);
    }) as ValueNode as N;
  }
  const room = createBitmapRoom();
  const validity = (frame: Frame): Uint8Array | null => {
    const others = (no as Exclude<ValueNode, BoolNode>).validity;
    if (yes.validity === null && others === null) return null;
    const into = room(frame);
    kernels.chooseValid(frame, test.values, yes.validity, others, into);
    return into;
  };
  switch (yes.type) {
    case 'number':
      return numbers(nullable, (frame, node) => {
        run(frame);
        kernels.choose(frame, test.values, yes.values, (no as NumberNode).values, node.values);
        node.validity = validity(frame);
      }) as ValueNode as N;
    case 'int64':
      return int64s(nullable, (frame, node) => {
        run(frame);
        kernels.choose(frame, test.values, yes.values, (no as Int64Node).values, node.values);
        node.validity = validity(frame);
      }) as ValueNode as N;
    case 'text':
      return text(nullable, (frame, node) => {
        run(frame);
        kernels.choose(frame, test.values, yes.strings, (no as TextNode).strings, node.strings);
        node.validity = validity(frame);
      }) as ValueNode as N;
  }
}

/** The first of two values that is not null. */
export function coalesce<N extends ValueNode>(first: N, second: N): N {
  const once = shared(first);
  const chosen = choose(not(isNull(once)), once, second);
  return Object.assign(chosen, { nullable: second.nullable });
}

/** A node of the type of `like` that is null in every row. */
export function missing<N extends ValueNode>(like: N): N {
  const none = createBitmapRoom();
  const noBits = (frame: Frame): Uint8Array =>
    none(frame).fill(0, 0, bitmapBytes(frame.rowsStored));
  switch (like.type) {
    case 'number':
      return numbers(true, (frame, node) => (node.validity = noBits(frame))) as ValueNode as N;
    case 'int64':
      return int64s(true, (frame, node) => (node.validity = noBits(frame))) as ValueNode as N;
    case 'text':
      return text(true, (frame, node) => (node.validity = noBits(frame))) as ValueNode as N;
    case 'bool':
      return truths(true, (_frame, out) => out.fill(truth.unknown)) as ValueNode as N;
  }
}

function int64s(nullable: boolean, fill: (frame: Frame, node: Int64Node) => void): Int64Node {
  const node: Int64Node = {
    type: 'int64',
    nullable,
    owned: true,
    values: new BigInt64Array(0),
    validity: null,
    run(frame) {
      node.values = kernels.roomFor(BigInt64Array, node.values, frame.rowsStored);
      fill(frame, node);
    },
  };
  return node;
}
