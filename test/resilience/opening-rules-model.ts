import {
  anyOf,
  consecutiveFailures,
  failureRate,
  type OpeningRule,
  slowCallRate,
} from '../../src/resilience/index.ts';

export interface EndedCall {
  readonly failed: boolean;
  readonly tookMs: number;
  readonly endMs: number;
}

/** Whether the last of the calls since a breaker closed opens it. */
export type OpensBy = (calls: readonly EndedCall[], closedAtMs: number) => boolean;

export const slowMs = 7;
export const windowMs = 40;

const failuresAtEnd = (calls: readonly EndedCall[], failures: number): boolean =>
  calls.length >= failures && calls.slice(-failures).every(({ failed }) => failed);
const atLeastHalf = (isBad: (call: EndedCall) => boolean, calls: readonly EndedCall[]): boolean =>
  calls.length >= 2 && isBad(calls.at(-1)!) && calls.filter(isBad).length >= calls.length / 2;
const failed = (call: EndedCall): boolean => call.failed;
const slow = (call: EndedCall): boolean => call.tookMs >= slowMs;

/** Each rule, and what it says, of all calls since the breaker closed. */
export const rules: readonly (readonly [OpeningRule, OpensBy])[] = [
  [consecutiveFailures(1), (calls) => failuresAtEnd(calls, 1)],
  [consecutiveFailures(3), (calls) => failuresAtEnd(calls, 3)],
  [
    failureRate({ rate: 0.5, callsMin: 2, window: { calls: 4 } }),
    (calls) => atLeastHalf(failed, calls.slice(-4)),
  ],
  [
    failureRate({ rate: 0.5, callsMin: 2, window: { ms: windowMs } }),
    (calls, closedAtMs) => {
      const bucket = ({ endMs }: EndedCall): number => Math.floor((endMs - closedAtMs) / 4);
      return atLeastHalf(
        failed,
        calls.filter((call) => bucket(calls.at(-1)!) - bucket(call) < 10),
      );
    },
  ],
  [
    anyOf(
      consecutiveFailures(2),
      slowCallRate({ slowMs, rate: 0.5, callsMin: 2, window: { calls: 4 } }),
    ),
    (calls) => failuresAtEnd(calls, 2) || atLeastHalf(slow, calls.slice(-4)),
  ],
];
