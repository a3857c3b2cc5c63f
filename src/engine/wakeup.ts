/** A condition that one loop waits for and others set. A set before the wait is not lost. */
export class Wakeup {
  #set = false;
  #resolve: (() => void) | undefined;

  set(): void {
    this.#set = true;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }

  async wait(): Promise<void> {
    if (!this.#set) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#set = false;
  }
}
