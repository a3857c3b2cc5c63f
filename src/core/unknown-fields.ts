import type { Fields } from '../batch/index.ts';

/** Makes the compiler refuse the keys of `M` that are no fields of `F`, and say why. */
export type UnknownFields<F extends Fields, M> = {
  readonly [N in Exclude<keyof M, keyof F> & string]: `there is no field ${N}`;
};
