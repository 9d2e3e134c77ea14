import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { Printable } from '#output/printable.ts';

const FILES_MAX = 100_000;
const BYTES_MAX = 2 ** 30;
/** A file system takes names of 255 bytes. */
const TOPIC_CHARACTERS_MAX = 120;

/** Files that hold one payload each, for `sub --dump`. */
export class DumpFiles {
  readonly #directory: string;
  readonly #prefix: string;
  #files = 0;
  #bytes = 0;

  /** Makes the directory where there is none. */
  constructor(directory: string, startedAt: Date) {
    this.#directory = directory;
    this.#prefix = startedAt.toISOString().replaceAll(/[-:]/g, '');
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw new CommandError(`wrenmq: --dump ${directory}: ${(error as Error).message}`, ExitCode.Usage);
    }
  }

  /** Writes one payload to a file of its own, whose name it returns. Throws when there are enough. */
  write({ topic, payload }: Printable): string {
    this.#files += 1;
    this.#bytes += payload.length;
    if (this.#files > FILES_MAX || this.#bytes > BYTES_MAX)
      throw new CommandError(`wrenmq: --dump ${this.#directory}: it ends at ${FILES_MAX} files or ${BYTES_MAX} bytes`, ExitCode.Failure);
    const file = join(this.#directory, `${this.#prefix}-${String(this.#files).padStart(6, '0')}-${safeName(topic)}`);
    // Nothing that is there is overwritten, and no link is followed.
    writeFileSync(file, payload, { flag: 'wx' });
    return file;
  }
}

/** A topic as a part of a file name: it stays in its directory, hides nothing and means nothing to a shell. */
function safeName(topic: string): string {
  return topic
    .slice(0, TOPIC_CHARACTERS_MAX)
    .replaceAll(/[^\w.=+-]+/gu, '_')
    .replace(/^[.-]+/, '_');
}
