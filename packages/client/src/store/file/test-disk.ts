import { dirname } from 'node:path';
import type { FileSystem, StoreFile } from './file-system.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';

export interface DiskCall {
  readonly kind: 'open' | 'list' | 'rename' | 'remove' | 'syncDirectory' | 'writeText' | 'link' | 'read' | 'write' | 'truncate' | 'sync';
  readonly path: string;
}

/** What a test does to a call: undefined lets it pass, 'die' ends the process within it, an error is what it fails with. */
export type Fault = 'die' | Error | undefined;

type Change = { readonly bytes: Uint8Array; readonly position: number } | { readonly length: number };

/** A file as the system has it, and as the disk had it at the last sync, with what has changed since. */
class Inode {
  content: Uint8Array;
  synced: Uint8Array;
  changes: Change[] = [];

  constructor(content: Uint8Array = Buffer.alloc(0)) {
    this.content = content;
    this.synced = content;
  }

  change(change: Change): void {
    this.content = changed(this.content, change);
    this.changes.push(change);
  }

  sync(): void {
    this.synced = this.content;
    this.changes = [];
  }
}

function changed(content: Uint8Array, change: Change): Buffer {
  const length = 'length' in change ? change.length : Math.max(content.length, change.position + change.bytes.length);
  const next = Buffer.alloc(length);
  next.set(content.subarray(0, length));
  if ('bytes' in change) next.set(change.bytes, change.position);
  return next;
}

/** Names that come, change or go (undefined) in one step. */
type NameChange = ReadonlyArray<{ readonly path: string; readonly inode: Inode | undefined }>;

const SECTOR_BYTES = 64;

/** A disk in memory that can fail at any call, and lose what was not synced. */
export class TestDisk implements FileSystem {
  calls: DiskCall[] = [];
  onCall: (call: DiskCall) => Fault | Promise<Fault> = () => undefined;
  readonly #random: () => number;
  #names: Map<string, Inode>;
  #syncedNames: Map<string, Inode>;
  #nameChanges: NameChange[] = [];
  #isDead = false;

  constructor(random: () => number, names = new Map<string, Inode>()) {
    this.#random = random;
    this.#names = names;
    this.#syncedNames = new Map(names);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The content of a file, to be looked at or replaced. */
  read(path: string): Uint8Array {
    return this.#inode(path).content;
  }

  replace(path: string, content: Uint8Array): void {
    this.#names.set(path, new Inode(content));
  }

  /** The process ends; what it had told the system stays. */
  afterKill(): TestDisk {
    this.#isDead = true;
    return new TestDisk(this.#random, new Map([...this.#names].map(([path, inode]) => [path, new Inode(inode.content)])));
  }

  /** The machine ends: of what was not synced in a file, any part that came first may be there; of names, any. */
  afterPowerCut(): TestDisk {
    this.#isDead = true;
    const names = new Map(this.#syncedNames);
    // Nothing says in which order names come to the disk.
    for (const { path, inode } of this.#nameChanges.filter(() => this.#random() < 0.5).flat()) {
      if (inode === undefined) names.delete(path);
      else names.set(path, inode);
    }
    return new TestDisk(this.#random, new Map([...names].map(([path, inode]) => [path, new Inode(this.#afterCut(inode))])));
  }

  #afterCut({ synced, changes }: Inode): Uint8Array {
    const known = Math.floor(this.#random() * (changes.length + 1));
    let content = changes.slice(0, known).reduce(changed, synced);
    const next = changes[known];
    if (next === undefined || 'length' in next) return content;
    const before = content.length;
    const part = next.bytes.subarray(0, Math.floor(this.#random() * (next.bytes.length + 1)));
    content = changed(content, { bytes: part, position: next.position });
    if (this.#random() < 0.5) return content;
    // The length came to the disk before the bytes of the last sectors.
    const start = Math.max(before, Math.floor((this.#random() * content.length) / SECTOR_BYTES) * SECTOR_BYTES);
    return content.length - start < SECTOR_BYTES ? content : content.fill(0, start);
  }

  async open(path: string, how: 'read' | 'change' | 'create'): Promise<StoreFile> {
    await this.#call({ kind: 'open', path });
    if (how === 'create') this.#setNames([{ path, inode: new Inode() }]);
    return this.#file(path, this.#inode(path));
  }

  async list(directory: string): Promise<string[]> {
    await this.#call({ kind: 'list', path: directory });
    return this.paths.filter((path) => dirname(path) === directory).map((path) => path.slice(directory.length + 1));
  }

  async makeDirectory(): Promise<void> {
    // Directories are names only.
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call({ kind: 'rename', path: to });
    this.#setNames([
      { path: to, inode: this.#inode(from) },
      { path: from, inode: undefined },
    ]);
  }

  async remove(path: string): Promise<void> {
    await this.#call({ kind: 'remove', path });
    if (this.#names.has(path)) this.#setNames([{ path, inode: undefined }]);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#call({ kind: 'syncDirectory', path: directory });
    this.#syncedNames = new Map(this.#names);
    this.#nameChanges = [];
  }

  async readText(path: string): Promise<string | undefined> {
    await this.#call({ kind: 'read', path });
    const inode = this.#names.get(path);
    return inode === undefined ? undefined : new TextDecoder().decode(inode.content);
  }

  async writeText(path: string, text: string): Promise<void> {
    await this.#call({ kind: 'writeText', path });
    this.#setNames([{ path, inode: new Inode(Buffer.from(text)) }]);
  }

  async link(from: string, to: string): Promise<boolean> {
    await this.#call({ kind: 'link', path: to });
    if (this.#names.has(to)) return false;
    this.#setNames([{ path: to, inode: this.#inode(from) }]);
    return true;
  }

  #file(path: string, inode: Inode): StoreFile {
    return {
      read: async (bytes, position) => {
        await this.#call({ kind: 'read', path });
        return Buffer.from(inode.content.buffer, inode.content.byteOffset, inode.content.length).copy(bytes, 0, position);
      },
      write: async (bytes, position) => {
        const part = (): void => inode.change({ bytes: bytes.subarray(0, Math.floor(this.#random() * bytes.length)), position });
        await this.#call({ kind: 'write', path }, part);
        inode.change({ bytes: Buffer.from(bytes), position });
      },
      truncate: async (length) => {
        await this.#call({ kind: 'truncate', path });
        inode.change({ length });
      },
      sync: async () => {
        await this.#call({ kind: 'sync', path });
        inode.sync();
      },
      size: async () => inode.content.length,
      close: async () => undefined,
    };
  }

  /** `partly`: what a call that ends badly may have done. */
  async #call(call: DiskCall, partly?: () => void): Promise<void> {
    // A turn of the event loop, as with a disk.
    await new Promise(setImmediate);
    if (this.#isDead) throw new Error('the process is dead');
    this.calls.push(call);
    const fault = await this.onCall(call);
    if (fault === undefined) return;
    partly?.();
    if (fault === 'die') this.#isDead = true;
    throw fault === 'die' ? new Error('the process dies') : fault;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return inode;
  }

  #setNames(change: NameChange): void {
    for (const { path, inode } of change) {
      if (inode === undefined) this.#names.delete(path);
      else this.#names.set(path, inode);
    }
    this.#nameChanges.push(change);
  }
}

/** Processes of which exactly some are running. */
export class TestProcesses implements ProcessTable {
  readonly running = new Set<string>();
  identity: ProcessIdentity;

  constructor(pid = 100) {
    this.identity = { pid, start: '1', boot: 'boot', host: 'host' };
    this.running.add(JSON.stringify(this.identity));
  }

  async self(): Promise<ProcessIdentity> {
    return this.identity;
  }

  async isRunning(identity: ProcessIdentity): Promise<boolean> {
    return this.running.has(JSON.stringify(identity));
  }

  /** The process is gone, another one starts. */
  replace(identity: Partial<ProcessIdentity> = {}): void {
    this.running.delete(JSON.stringify(this.identity));
    this.identity = { ...this.identity, pid: this.identity.pid + 1, ...identity };
    this.running.add(JSON.stringify(this.identity));
  }
}
