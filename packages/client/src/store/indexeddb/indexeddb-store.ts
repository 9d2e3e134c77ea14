import { MqttError } from '#base/mqtt-error.ts';
import { randomClientId } from '#base/random-client-id.ts';
import type { SessionStore, StoreOp } from '#store/session-store.ts';
import { BrowserDatabase, type DatabaseFactory, type KeyRange, type StoredStep } from './browser-database.ts';
import { LiveKeys } from './live-keys.ts';
import { acquireTabLock, type LockMaker } from './tab-lock.ts';

/** What of the browser a store uses. */
export interface BrowserSurroundings {
  readonly indexedDB?: DatabaseFactory;
  readonly IDBKeyRange?: KeyRange;
  readonly navigator?: { readonly locks?: LockMaker } | undefined;
}

const READ_COUNT = 256;

interface Batch {
  readonly ops: readonly StoreOp[];
  resolve(): void;
  reject(error: unknown): void;
}

/** Keeps the session of one client id in a database of its own. */
export class IndexedDbStore implements SessionStore {
  readonly isDurable = true;
  readonly #name: string;
  readonly #surroundings: BrowserSurroundings;
  #database: BrowserDatabase | undefined;
  #unlock: (() => void) | undefined;
  #opening: Promise<BrowserDatabase> | undefined;
  #state: 'new' | 'opening' | 'open' | 'closed' = 'new';
  #live = new LiveKeys();
  #lastKey = 0;
  #waiting: Batch[] = [];
  #writing: Promise<void> | undefined;

  constructor(name: string, surroundings: BrowserSurroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
  }

  async identify(): Promise<string> {
    try {
      const database = await this.#openDatabase(this.#databaseName());
      try {
        const { clientId } = await database.keepOne({ key: 1, clientId: randomClientId() });
        return clientId;
      } finally {
        database.close();
      }
    } catch (error) {
      throw storeError('cannot be opened', error);
    }
  }

  async open(clientId: string): Promise<{ readonly ops: AsyncIterable<StoreOp>; readonly existed: boolean }> {
    if (this.#state !== 'new') throw new MqttError('INVALID', 'a session store is opened once: make another for another client');
    const locks = this.#surroundings.navigator?.locks;
    if (locks === undefined) {
      throw new MqttError('NOT_SUPPORTED', 'without navigator.locks two tabs could open one session: serve the page over HTTPS');
    }
    this.#state = 'opening';
    this.#opening = this.#openSession(this.#databaseName(clientId), locks);
    try {
      const database = await this.#opening;
      // Unless it was closed meanwhile.
      if (this.#state === 'opening') this.#state = 'open';
      return { ops: this.#replay(database), existed: this.#lastKey > 0 };
    } catch (error) {
      if (this.#state === 'opening') this.#state = 'new';
      throw storeError('cannot be opened', error);
    }
  }

  async #openSession(name: string, locks: LockMaker): Promise<BrowserDatabase> {
    this.#unlock = await acquireTabLock(locks, name);
    try {
      this.#database = await this.#openDatabase(name);
      await this.#readKeys();
      return this.#database;
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** Both parts may hold any character. Without a client id: the database that holds the store's own. */
  #databaseName(...clientId: readonly string[]): string {
    return `wrenmq ${JSON.stringify([this.#name, ...clientId])}`;
  }

  async #openDatabase(name: string): Promise<BrowserDatabase> {
    const { indexedDB, IDBKeyRange } = this.#surroundings;
    if (indexedDB === undefined || IDBKeyRange === undefined) throw new MqttError('NOT_SUPPORTED', 'there is no IndexedDB here');
    return BrowserDatabase.open(indexedDB, IDBKeyRange, name);
  }

  append(ops: readonly StoreOp[]): Promise<void> {
    const database = this.#database;
    if (database === undefined || this.#state !== 'open') return Promise.reject(new MqttError('STORE', 'the session store is not open'));
    if (ops.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops, resolve, reject });
      this.#writing ??= this.#write(database);
    });
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#opening?.catch(() => undefined);
    await this.#writing;
    this.#free();
  }

  #free(): void {
    this.#database?.close();
    this.#unlock?.();
    this.#database = undefined;
    this.#unlock = undefined;
  }

  /** What has come while the database was busy goes as one transaction. */
  async #write(database: BrowserDatabase): Promise<void> {
    // Whatever this turn of the event loop still appends goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      if (await this.#writeGroup(database, group)) continue;
      // One of them is too much: the others may fit.
      for (const batch of group) await this.#writeGroup(database, [batch]);
    }
    this.#writing = undefined;
  }

  /** @returns false when it failed and there is something smaller to try; then nobody has been told. */
  async #writeGroup(database: BrowserDatabase, group: readonly Batch[]): Promise<boolean> {
    const steps = new Map<number, StoredStep>();
    const voided: number[] = [];
    for (const op of group.flatMap((batch) => batch.ops)) {
      const key = this.#lastKey + 1;
      if (!this.#live.apply(op, key, voided)) continue;
      this.#lastKey = key;
      steps.set(key, { key, op: ownBytes(op) });
    }
    // What comes and goes in one transaction is never stored.
    const gone = voided.filter((key) => !steps.delete(key));
    try {
      if (steps.size > 0 || gone.length > 0) await database.write([...steps.values()], gone);
      for (const batch of group) batch.resolve();
      return true;
    } catch (error) {
      const failure = await this.#takeBack(error);
      if (failure === undefined && group.length > 1) return false;
      for (const batch of group) batch.reject(failure ?? refusal(batch, error));
      return true;
    }
  }

  /** The database holds what it held before; so must the keys. @returns why not. */
  async #takeBack(cause: unknown): Promise<MqttError | undefined> {
    try {
      await this.#readKeys();
      return undefined;
    } catch {
      return storeError('cannot write', cause);
    }
  }

  async #readKeys(): Promise<void> {
    const live = new LiveKeys();
    let last = 0;
    for await (const { key, op } of readSteps(this.#database!)) {
      live.apply(op, key, []);
      last = key;
    }
    this.#live = live;
    this.#lastKey = last;
  }

  async *#replay(database: BrowserDatabase): AsyncGenerator<StoreOp> {
    try {
      for await (const { op } of readSteps(database)) yield op;
    } catch (error) {
      throw storeError('cannot be read', error);
    }
  }
}

async function* readSteps(database: BrowserDatabase): AsyncGenerator<StoredStep> {
  let last = 0;
  for (;;) {
    const steps = await database.read(last, READ_COUNT);
    yield* steps;
    if (steps.length < READ_COUNT) return;
    last = steps[steps.length - 1].key;
  }
}

/** A database keeps the whole buffer of a view. */
function ownBytes(op: StoreOp): StoreOp {
  if ((op.op !== 'out.put' && op.op !== 'in.put') || op.packet.length === op.packet.buffer.byteLength) return op;
  return { ...op, packet: op.packet.slice() };
}

function refusal({ ops }: Batch, error: unknown): MqttError {
  const isQuota = (error as Error).name === 'QuotaExceededError';
  if (!isQuota) return storeError('cannot write', error);
  const hasMessage = ops.some(({ op }) => op === 'out.put' || op === 'in.put');
  return new MqttError(hasMessage ? 'QUEUE_FULL' : 'STORE', 'the browser gives the session store no more room', {
    cause: error,
    retryable: true,
  });
}

function storeError(what: string, cause: unknown): MqttError {
  return cause instanceof MqttError ? cause : new MqttError('STORE', `the session store ${what}: ${(cause as Error).message}`, { cause });
}
