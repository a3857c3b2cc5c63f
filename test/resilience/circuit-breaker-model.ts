import type { BreakerState } from '../../src/core/index.ts';
import type { BreakerReason } from '../../src/resilience/events.ts';
import type { CircuitBreakerOptions, OpeningRule } from '../../src/resilience/index.ts';

export interface EndedCall {
  readonly failed: boolean;
  readonly tookMs: number;
  readonly endMs: number;
}

export interface ModelCall {
  readonly generation: number;
  readonly startMs: number;
}

export interface ModelOptions extends CircuitBreakerOptions {
  readonly opens: OpeningRule;
  readonly openMs: number;
  readonly openMsMax: number;
  readonly growth: number;
  readonly probesMax: number;
  readonly successesToClose: number;
  readonly probeMsMax: number;
}

/** Whether the last of the calls since a breaker closed opens it. */
export type OpensBy = (calls: readonly EndedCall[], closedAtMs: number) => boolean;

/**
 * What a breaker has to do, said in the plainest way: all calls are kept, and time goes on by single
 * milliseconds, so that whatever is due happens at its moment and not when somebody asks.
 */
export class BreakerModel {
  nowMs = 0;
  state: BreakerState = 'closed';
  isHeld = false;
  readonly log: string[] = [];
  readonly count = {
    total: 0,
    success: 0,
    failure: 0,
    fastFail: 0,
    ignored: 0,
    openCount: 0,
    probeSuccess: 0,
    probeFailure: 0,
  };
  readonly inStateMs = { closed: 0, open: 0, 'half-open': 0 };
  failedAtMs: number | undefined;
  readonly #options: ModelOptions;
  readonly #opensBy: OpensBy;
  #generation = 0;
  #calls: EndedCall[] = [];
  #probes: ModelCall[] = [];
  #successes = 0;
  #opensInRow = 0;
  #closedAtMs = 0;
  #untilMs = 0;

  constructor(options: ModelOptions, opensBy: OpensBy) {
    this.#options = options;
    this.#opensBy = opensBy;
  }

  enter(): ModelCall | undefined {
    this.count.total++;
    if (this.retryAfterMs > 0) {
      this.count.fastFail++;
      return undefined;
    }
    const call = { generation: this.#generation, startMs: this.nowMs };
    if (this.state === 'half-open') this.#probes.push(call);
    return call;
  }

  end(call: ModelCall, outcome: 'success' | 'failure' | 'ignored'): void {
    this.count[outcome]++;
    const failed = outcome === 'failure';
    if (failed) this.failedAtMs = this.nowMs;
    this.#probes = this.#probes.filter((probe) => probe !== call);
    if (call.generation !== this.#generation || outcome === 'ignored' || this.isHeld) return;
    const tookMs = this.nowMs - call.startMs;
    if (this.state === 'closed') {
      this.#calls.push({ failed, tookMs, endMs: this.nowMs });
      if (this.#opensBy(this.#calls, this.#closedAtMs)) this.#open('rule');
    } else if (failed || tookMs >= this.#options.opens.slowMs) {
      this.#failProbe('probe-failed');
    } else {
      this.count.probeSuccess++;
      if (++this.#successes >= this.#options.successesToClose) this.#close('probes-succeeded');
    }
  }

  passMillisecond(): void {
    this.inStateMs[this.state]++;
    this.nowMs++;
    if (this.#probes.some(({ startMs }) => startMs + this.#options.probeMsMax === this.nowMs)) {
      this.failedAtMs = this.nowMs;
      this.#failProbe('probe-expired');
    } else if (this.state === 'open' && this.nowMs === this.#untilMs) {
      this.#change('half-open', 'time-passed');
    }
  }

  get retryAfterMs(): number {
    if (this.state === 'open') return this.#untilMs - this.nowMs;
    const isFull = this.state === 'half-open' && this.#probes.length >= this.#options.probesMax;
    return isFull ? this.#probes[0]!.startMs + this.#options.probeMsMax - this.nowMs : 0;
  }

  hold(to: 'open' | 'closed'): void {
    this.isHeld = true;
    if (to === 'closed') return this.#close('held');
    if (this.state !== 'open') this.count.openCount++;
    this.#untilMs = Infinity;
    this.#change('open', 'held');
  }

  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    if (this.state === 'open') this.#change('half-open', 'released');
    else this.#close('released');
  }

  restore(): void {
    const successes = this.#successes;
    this.#change(this.state, 'restored');
    this.#successes = successes;
  }

  #failProbe(reason: BreakerReason): void {
    this.count.probeFailure++;
    this.#open(reason);
  }

  #open(reason: BreakerReason): void {
    const { openMs, growth, openMsMax } = this.#options;
    this.#untilMs = this.nowMs + Math.min(openMs * growth ** this.#opensInRow++, openMsMax);
    this.count.openCount++;
    this.#change('open', reason);
  }

  #close(reason: BreakerReason): void {
    this.#calls = [];
    this.#opensInRow = 0;
    this.#closedAtMs = this.nowMs;
    this.#change('closed', reason);
  }

  #change(to: BreakerState, reason: BreakerReason): void {
    this.log.push(`${this.state} → ${to}: ${reason}`);
    this.state = to;
    this.#generation++;
    this.#probes = [];
    this.#successes = 0;
  }
}
