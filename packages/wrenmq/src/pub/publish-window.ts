import type { PublishResult } from '@wrenmq/client';

/** Messages on their way at once: enough to hide the way to the broker, few enough to remember. */
const WINDOW_MAX = 1000;

/** Publishes that have not settled. The first one that fails makes the next call fail. */
export class PublishWindow {
  readonly #report: (result: PublishResult) => void;
  #count = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(report: (result: PublishResult) => void) {
    this.#report = report;
  }

  /** Takes one more; undefined, or settles when there is room for another. */
  add(publish: Promise<PublishResult>): Promise<void> | undefined {
    this.#count += 1;
    publish.then(this.#onResult, this.#onFailure);
    return this.#count < WINDOW_MAX && this.#failure === undefined ? undefined : this.#below(WINDOW_MAX);
  }

  /** Settles when all have; rejects with the first failure. */
  settled(): Promise<void> {
    return this.#below(1);
  }

  async #below(count: number): Promise<void> {
    while (this.#count >= count && this.#failure === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  readonly #onResult = (result: PublishResult): void => {
    this.#report(result);
    this.#end();
  };

  readonly #onFailure = (error: unknown): void => {
    this.#failure ??= { error };
    this.#end();
  };

  #end(): void {
    this.#count -= 1;
    this.#wake?.();
  }
}
