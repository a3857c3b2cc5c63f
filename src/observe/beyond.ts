/** Which side of a limit is bad. */
export type BadSide = 'above' | 'below';

/** Whether a figure has passed a limit, by which batches and alerts are judged: one at it has not. */
export function isBeyond(value: number, limit: number, bad: BadSide = 'above'): boolean {
  return bad === 'below' ? value < limit : value > limit;
}
