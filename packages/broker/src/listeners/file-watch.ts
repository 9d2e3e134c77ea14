import { stat } from 'node:fs/promises';
import type { Cancel, Clock } from '#base/clock.ts';

/**
 * Tells when files have changed, by looking at them now and then: unlike fs.watch this sees through symbolic links (mounted
 * secrets), network file systems and files that are replaced by renaming. A change is told when two looks in a row agree,
 * so that a certificate and its key, written one after the other, are read together.
 */
export class FileWatch {
  readonly #paths: readonly string[];
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #onChange: () => Promise<void>;
  #told: string;
  #lastSeen: string;
  #cancel: Cancel | null = null;
  #isStopped = false;

  private constructor(paths: readonly string[], timing: { clock: Clock; intervalMs: number }, onChange: () => Promise<void>, seen: string) {
    this.#paths = paths;
    this.#clock = timing.clock;
    this.#intervalMs = timing.intervalMs;
    this.#onChange = onChange;
    this.#told = seen;
    this.#lastSeen = seen;
  }

  /** Looks for the first time; read the files after this has resolved and no change is missed. */
  static async start(
    paths: readonly string[],
    timing: { clock: Clock; intervalMs: number },
    onChange: () => Promise<void>,
  ): Promise<FileWatch> {
    const watch = new FileWatch(paths, timing, onChange, await look(paths));
    watch.#schedule();
    return watch;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #schedule(): void {
    if (!this.#isStopped) this.#cancel = this.#clock.after(this.#intervalMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const seen = await look(this.#paths);
    const isStable = seen === this.#lastSeen;
    this.#lastSeen = seen;
    if (isStable && seen !== this.#told && !this.#isStopped) {
      this.#told = seen;
      await this.#onChange();
    }
    this.#schedule();
  }
}

async function look(paths: readonly string[]): Promise<string> {
  const seen = await Promise.all(
    paths.map((path) =>
      stat(path, { bigint: true }).then(
        (file) => `${file.dev}:${file.ino}:${file.size}:${file.mtimeNs}`,
        () => 'absent',
      ),
    ),
  );
  return seen.join(' ');
}
