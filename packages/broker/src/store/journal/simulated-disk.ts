import type { Disk, DiskFile } from './disk.ts';

/** What the device writes whole; a write that is interrupted may end anywhere in one. */
const SECTOR_BYTES = 4096;

interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What a file holds for its readers, and what of it is on the device. */
class Content {
  current: Buffer;
  durable: Buffer;
  /** By sector, what it held after each write since it was flushed: the device may have any one of these. */
  readonly pending = new Map<number, Buffer[]>();

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.current = copyOf(bytes);
    this.durable = copyOf(bytes);
  }

  copy(): Content {
    const copy = new Content(this.current);
    copy.durable = copyOf(this.durable);
    for (const [sector, versions] of this.pending) copy.pending.set(sector, [...versions]);
    return copy;
  }

  put(write: Write): void {
    this.current = patched(this.current, write);
    this.#eachSector(write, (sector, bytes) => this.#remember(sector, Buffer.from(bytes)));
  }

  /** Like `put`, with the sectors that it touches on the device. */
  putFlushed(write: Write): void {
    this.current = patched(this.current, write);
    this.#eachSector(write, (sector, bytes) => this.#settle(sector, bytes));
  }

  flush(): void {
    for (const sector of this.pending.keys()) {
      this.#settle(sector, this.current.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    }
  }

  truncate(bytes: number): void {
    this.current = copyOf(this.current.subarray(0, bytes));
    this.durable = copyOf(this.durable.subarray(0, bytes));
    for (const sector of this.pending.keys()) if (sector * SECTOR_BYTES >= bytes) this.pending.delete(sector);
  }

  /** What a power cut leaves. */
  torn(random: Random): Buffer {
    let bytes: Buffer = copyOf(this.durable);
    for (const [sector, versions] of this.pending) {
      const version = versions[Math.floor(random() * (versions.length + 1))];
      if (version !== undefined) bytes = patched(bytes, { offset: sector * SECTOR_BYTES, bytes: version });
    }
    return bytes;
  }

  #remember(sector: number, bytes: Buffer): void {
    const versions = this.pending.get(sector);
    if (versions === undefined) this.pending.set(sector, [bytes]);
    else versions.push(bytes);
  }

  #settle(sector: number, bytes: Buffer): void {
    this.pending.delete(sector);
    this.durable = patched(this.durable, { offset: sector * SECTOR_BYTES, bytes });
  }

  #eachSector(write: Write, visit: (sector: number, bytes: Buffer) => void): void {
    for (let sector = Math.floor(write.offset / SECTOR_BYTES); sector * SECTOR_BYTES < write.offset + write.bytes.length; sector += 1) {
      visit(sector, this.current.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    }
  }
}

/** How an operation ends instead of well. */
export interface Fault {
  /** The number of the operation, counted from 1. */
  readonly operation: number;
  /** An error code, or `crash`: this and every later operation never ends, as if the process were gone. */
  readonly code: 'EIO' | 'ENOSPC' | 'crash';
}

/** Numbers between 0 and 1 from a seed. */
export type Random = () => number;

/**
 * A disk in memory for tests: it forgets at a power cut what was not flushed (any sectors of it, in any order, and names whose
 * directory was not), stops or fails at a chosen operation, and has an end.
 */
export class SimulatedDisk implements Disk {
  operations = 0;
  fault: Fault | null = null;
  bytesMax: number;
  readonly #random: Random;
  #names = new Map<string, Content>();
  /** The directory as it was after each change since its last flush; the first one is on the device. */
  #directories: Map<string, Content>[];

  constructor(random: Random, bytesMax = Infinity) {
    this.#random = random;
    this.bytesMax = bytesMax;
    this.#directories = [new Map()];
  }

  /** What a restart finds after a power cut: what was flushed, and perhaps more. */
  afterPowerCut(): SimulatedDisk {
    const names = this.#directories[Math.floor(this.#random() * this.#directories.length)];
    const survivor = new SimulatedDisk(this.#random, this.bytesMax);
    for (const [name, content] of names) survivor.#names.set(name, new Content(content.torn(this.#random)));
    survivor.#directories = [new Map(survivor.#names)];
    return survivor;
  }

  /** What a restart finds when the process alone died: all that was written, flushed or not. */
  afterKill(): SimulatedDisk {
    const copies = new Map<Content, Content>();
    const copyOfNames = (names: ReadonlyMap<string, Content>): Map<string, Content> => {
      for (const content of names.values()) if (!copies.has(content)) copies.set(content, content.copy());
      return new Map([...names].map(([name, content]) => [name, copies.get(content) as Content]));
    };
    const survivor = new SimulatedDisk(this.#random, this.bytesMax);
    survivor.#directories = this.#directories.map(copyOfNames);
    survivor.#names = copyOfNames(this.#names);
    return survivor;
  }

  /** The bytes of a file, for a test to damage. */
  contentOf(name: string): Buffer {
    return this.#contentOf(name).current;
  }

  replace(name: string, bytes: Buffer): void {
    this.#names.set(name, new Content(bytes));
    this.#directories = [new Map(this.#names)];
  }

  lose(name: string): void {
    this.#names.delete(name);
    this.#directories = [new Map(this.#names)];
  }

  get files(): string[] {
    return [...this.#names.keys()];
  }

  async list(): Promise<string[]> {
    await this.#operate();
    return this.files;
  }

  async open(name: string): Promise<DiskFile> {
    await this.#operate();
    return this.#fileOf(this.#contentOf(name));
  }

  async create(name: string): Promise<DiskFile> {
    await this.#operate();
    const content = new Content();
    this.#names.set(name, content);
    this.#noteDirectory();
    return this.#fileOf(content);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate();
    this.#names.set(to, this.#contentOf(from));
    this.#names.delete(from);
    this.#noteDirectory();
  }

  async remove(name: string): Promise<void> {
    await this.#operate();
    this.#names.delete(name);
    this.#noteDirectory();
  }

  async flushDirectory(): Promise<void> {
    await this.#operate();
    this.#directories = [new Map(this.#names)];
  }

  async bytesFree(): Promise<number> {
    await this.#operate();
    return this.bytesMax - this.#bytesUsed();
  }

  #fileOf(content: Content): DiskFile {
    return {
      bytes: async () => {
        await this.#operate();
        return content.current.length;
      },
      read: async (into, offset) => {
        await this.#operate();
        return content.current.copy(into, 0, offset);
      },
      write: (bytes, offset) => this.#write(content, { offset, bytes: Buffer.from(bytes) }, false),
      writeFlushed: (bytes, offset) => this.#write(content, { offset, bytes: Buffer.from(bytes) }, true),
      truncate: async (bytes) => {
        await this.#operate();
        content.truncate(bytes);
      },
      flush: async () => {
        await this.#operate();
        content.flush();
      },
      close: () => this.#operate(),
    };
  }

  async #write(content: Content, write: Write, isFlushed: boolean): Promise<void> {
    const end = write.offset + write.bytes.length;
    try {
      await this.#operate(() => this.#writePart(content, write));
      if (end > content.current.length && this.#bytesUsed() + end - content.current.length > this.bytesMax) throw failure('ENOSPC');
    } catch (error) {
      this.#writePart(content, write);
      throw error;
    }
    if (isFlushed) content.putFlushed(write);
    else content.put(write);
  }

  /** A write that fails or is interrupted may have been done in part, or all of it. */
  #writePart(content: Content, write: Write): void {
    const bytes = write.bytes.subarray(0, Math.floor(this.#random() * 1.25 * write.bytes.length));
    if (write.offset + bytes.length <= content.current.length) content.put({ ...write, bytes });
  }

  async #operate(onCrash: () => void = () => {}): Promise<void> {
    this.operations += 1;
    const { operations, fault } = this;
    await Promise.resolve();
    if (fault === null || operations < fault.operation) return;
    if (fault.code === 'crash') {
      if (operations === fault.operation) onCrash();
      await new Promise(() => {});
    } else if (operations === fault.operation) {
      throw failure(fault.code);
    }
  }

  #bytesUsed(): number {
    return [...new Set(this.#names.values())].reduce((sum, content) => sum + content.current.length, 0);
  }

  #contentOf(name: string): Content {
    const content = this.#names.get(name);
    if (content === undefined) throw failure('ENOENT');
    return content;
  }

  #noteDirectory(): void {
    this.#directories.push(new Map(this.#names));
  }
}

/** The bytes with a write done: in place when it fits. */
function patched(bytes: Buffer, write: Write): Buffer {
  const end = write.offset + write.bytes.length;
  // Room to grow, so that a file that is written piece by piece is not copied for each.
  const whole = end <= bytes.length ? bytes : grown(bytes, end);
  whole.set(write.bytes, write.offset);
  return whole;
}

/** A copy that shares its memory with nobody, so that it may grow into it. */
function copyOf(bytes: Buffer): Buffer {
  return grown(bytes, bytes.length);
}

function grown(bytes: Buffer, length: number): Buffer {
  if (length > bytes.length && bytes.buffer.byteLength >= length) return Buffer.from(bytes.buffer, 0, length);
  const room = Buffer.from(new ArrayBuffer(Math.max(length, 2 * bytes.length)), 0, length);
  room.set(bytes);
  return room;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

/** A generator of numbers between 0 and 1 that repeats itself for a seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
