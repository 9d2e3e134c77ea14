import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const IMAGE_BYTES = 512 * 1024 * 1024;

/**
 * A disk whose power can be cut: an ext4 file system in a file. The file holds only what ext4 has submitted, and with
 * commit=300 that is hardly more than what was flushed.
 */
export class LoopDisk {
  /** Where it is mounted. */
  readonly directory: string;
  readonly #root: string;
  readonly #image: string;

  private constructor(root: string) {
    this.#root = root;
    this.#image = join(root, 'disk.img');
    this.directory = join(root, 'mounted');
  }

  /** Rejects when this machine mounts no such disks. */
  static async create(): Promise<LoopDisk> {
    const disk = new LoopDisk(await mkdtemp(join(tmpdir(), 'wrenmq-disk-')));
    try {
      await mkdir(disk.directory);
      await writeFile(disk.#image, '');
      await truncate(disk.#image, IMAGE_BYTES);
      await run('mkfs.ext4', ['-q', '-F', disk.#image]);
      await disk.#mount();
      return disk;
    } catch (error) {
      await rm(disk.#root, { recursive: true, force: true });
      throw error;
    }
  }

  /** Cuts the power: keeps what is on the disk at this moment. Whoever writes to it must stand still, and be gone before `restore`. */
  async cut(): Promise<void> {
    await run('cp', ['--sparse=always', this.#image, `${this.#image}.cut`]);
  }

  /** The power is back: what was on the disk at the cut is all there is. */
  async restore(): Promise<void> {
    await run('umount', [this.directory]);
    await rename(`${this.#image}.cut`, this.#image);
    await this.#mount();
  }

  async close(): Promise<void> {
    await run('umount', [this.directory]);
    await rm(this.#root, { recursive: true, force: true });
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', 'loop,commit=300', this.#image, this.directory]);
  }
}

/** Why this machine cannot cut the power of a disk, or null when it can. */
export async function whyNoLoopDisk(): Promise<string | null> {
  try {
    const disk = await LoopDisk.create();
    await disk.close();
    return null;
  } catch (error) {
    return `no ext4 file system can be mounted here: ${(error as Error).message.split('\n')[0]}`;
  }
}
