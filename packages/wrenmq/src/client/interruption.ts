import { constants } from 'node:os';
import { ExitCode } from '#exit-code.ts';

/** Ctrl-C and SIGTERM: the first asks for an orderly end, a second one ends the process at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #exitCode: ExitCode = ExitCode.Success;
  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.#controller.signal.aborted) process.exit(128 + constants.signals[name]);
    this.#exitCode = name === 'SIGINT' ? ExitCode.Interrupted : ExitCode.Terminated;
    this.#controller.abort();
  };

  constructor() {
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Success when there was no signal. */
  get exitCode(): ExitCode {
    return this.#exitCode;
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
