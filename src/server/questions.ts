import type { Clock } from '../core/index.ts';
import { within } from '../core/within.ts';
import type { Answer, Question } from './messages.ts';

const openMax = 64;
const answerMsMax = 2000;

/** Questions to another thread: bounded, and each answered in time, by that thread or by this one. */
export class Questions {
  readonly #clock: Clock;
  readonly #post: (id: number, question: Question) => void;
  readonly #open = new Map<number, (answer: Answer) => void>();
  #nextId = 1;

  constructor(clock: Clock, post: (id: number, question: Question) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  async ask(question: Question): Promise<Answer> {
    // What was not answered still waits over there: it counts until it is.
    if (this.#open.size >= openMax) {
      return { status: 503, code: 'busy', message: 'too many questions wait for the pipeline' };
    }
    const id = this.#nextId++;
    const answered = new Promise<Answer>((resolve) => this.#open.set(id, resolve));
    this.#post(id, question);
    const limit = { clock: this.#clock, limitMs: answerMsMax };
    return within(limit, answered, () => lateAnswer(question));
  }

  answer(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}

function lateAnswer(question: Question): Answer {
  const isLook = !('asker' in question);
  return {
    status: isLook ? 503 : 504,
    code: 'stalled',
    message: `the loop of the pipeline does not answer${isLook ? '' : '; it may still do what was asked'}`,
  };
}
