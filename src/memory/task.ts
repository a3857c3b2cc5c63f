import type { ErrorFacts } from '../errors.ts';
import type { InstanceSize } from './measure.ts';

/** What a process is started to measure. */
export type Task = { readonly instances: number } & (
  { readonly layout: string } | { readonly file: string; readonly name: string }
);

type NullWhereNoObject = 'hasFastShape' | 'shellBytes' | 'directBytes';

/** As of an instance; null what there is none of where a record is no object of its own. */
export type RecordSize = Omit<InstanceSize, NullWhereNoObject> & {
  readonly [Name in NullWhereNoObject]: InstanceSize[Name] | null;
};

/** What it says before it ends. */
export type Answer =
  | { readonly size: RecordSize }
  | (Pick<ErrorFacts, 'code' | 'fact'> & {
      readonly place?: string;
      readonly remedy?: string | undefined;
    });
