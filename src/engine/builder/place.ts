// Where a builder is, as types that the compiler prints: they say what to do instead.

/** Said where there is no source yet, or where a sink has ended the flow. */
export type FlowNeeded =
  'no flow here: `from` begins one, its sink ends it; go on from what `pipe` gave';

/** At the beginning, where it is not known what comes. */
export type Begun = 'nothing is here yet: `setSource` or `from` begins; go on from what they gave';

/** Behind the sink of a flow. */
export type NoChain = 'no chain here: `setSource` begins it; go on from what it gives';

/** At the end of a chain that has no sink. */
export type AtFlow =
  'the chain has its source: `addStage` and `setSink` go on, `from` begins another flow';

/** Behind the sink of the chain. */
export type Ended = 'the chain has its sink: nothing comes after it; `from` begins another flow';

/** Where a builder is, as the compiler says it of a call that has no place there. */
export type Place = Begun | NoChain | AtFlow | Ended;

/** The place of a builder whose place allows a call, or may; else those that would. */
export type Where<At extends Place, Allowed extends Place> = [Extract<At, Allowed>] extends [never]
  ? Allowed
  : At;
