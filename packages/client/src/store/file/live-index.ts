import type { StoreOp } from '#store/session-store.ts';

/** Where a step stands that still matters, and how many bytes it and what depends on it take. */
export interface LiveOp {
  segment: number;
  /** Position in the segment's file. */
  at: number;
  bytes: number;
  isLive: boolean;
}

/** Which steps still matter: what compaction keeps, and what a replay gives. */
export class LiveIndex {
  readonly #outgoing = new Map<bigint, LiveOp>();
  readonly #incoming = new Map<number, LiveOp>();
  readonly #subscriptions = new Map<string, LiveOp>();
  #session: LiveOp | undefined;
  readonly #bytesOf = new Map<number, number>();
  #bytes = 0;

  /** Bytes of all steps that matter. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#outgoing.size === 0 && this.#incoming.size === 0 && this.#subscriptions.size === 0 && this.#session === undefined;
  }

  /** Bytes of the steps of a segment that matter, with what depends on them in later ones. */
  bytesOf(segment: number): number {
    return this.#bytesOf.get(segment) ?? 0;
  }

  /** The entry of a step that stands for itself (a put, a session); undefined for what depends on one, and for what is void. */
  find(op: StoreOp): LiveOp | undefined {
    switch (op.op) {
      case 'out.put':
        return this.#outgoing.get(op.seq);
      case 'in.put':
        return this.#incoming.get(op.packetId);
      case 'sub.put':
        return this.#subscriptions.get(op.filter);
      case 'session':
        return this.#session;
      case 'out.sent':
      case 'out.rec':
      case 'out.done':
      case 'in.handled':
      case 'in.free':
      case 'sub.del':
        return undefined;
    }
  }

  apply(op: StoreOp, { segment, at, bytes }: Omit<LiveOp, 'isLive'>): void {
    const entry = { segment, at, bytes, isLive: true };
    switch (op.op) {
      case 'out.put':
        return this.#put(this.#outgoing, op.seq, entry);
      case 'out.sent':
      case 'out.rec':
        return this.#grow(this.#outgoing.get(op.seq), bytes);
      case 'out.done':
        return this.#drop(this.#outgoing, op.seq);
      case 'in.put':
        return this.#put(this.#incoming, op.packetId, entry);
      case 'in.handled':
        return this.#grow(this.#incoming.get(op.packetId), bytes);
      case 'in.free':
        return this.#drop(this.#incoming, op.packetId);
      case 'sub.put':
        return this.#put(this.#subscriptions, op.filter, entry);
      case 'sub.del':
        return this.#drop(this.#subscriptions, op.filter);
      case 'session':
        for (const packetId of this.#incoming.keys()) this.#drop(this.#incoming, packetId);
        for (const filter of this.#subscriptions.keys()) this.#drop(this.#subscriptions, filter);
        if (this.#session !== undefined) this.#forget(this.#session);
        this.#session = entry;
        this.#add(segment, bytes);
    }
  }

  /** A step was copied to another segment. */
  move(entry: LiveOp, segment: number, at: number): void {
    if (!entry.isLive) return;
    this.#add(entry.segment, -entry.bytes);
    this.#add(segment, entry.bytes);
    entry.segment = segment;
    entry.at = at;
  }

  #put<K>(entries: Map<K, LiveOp>, key: K, entry: LiveOp): void {
    this.#drop(entries, key);
    entries.set(key, entry);
    this.#add(entry.segment, entry.bytes);
  }

  #grow(entry: LiveOp | undefined, bytes: number): void {
    if (entry === undefined) return;
    entry.bytes += bytes;
    this.#add(entry.segment, bytes);
  }

  #drop<K>(entries: Map<K, LiveOp>, key: K): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    this.#forget(entry);
  }

  #forget(entry: LiveOp): void {
    entry.isLive = false;
    this.#add(entry.segment, -entry.bytes);
  }

  #add(segment: number, bytes: number): void {
    const sum = this.bytesOf(segment) + bytes;
    if (sum === 0) this.#bytesOf.delete(segment);
    else this.#bytesOf.set(segment, sum);
    this.#bytes += bytes;
  }
}

/**
 * Says of each step, asked from the first segment on, whether it still matters. What made others void is itself left out: what it made
 * void stands before it, and is left out too.
 */
export class Survivors {
  readonly #index: LiveIndex;
  readonly #outgoing = new Set<bigint>();
  readonly #incoming = new Set<number>();

  constructor(index: LiveIndex) {
    this.#index = index;
  }

  keeps(op: StoreOp, segment: number, at: number): boolean {
    switch (op.op) {
      case 'out.put':
        return remember(this.#outgoing, op.seq, this.#isAt(op, segment, at));
      case 'in.put':
        return remember(this.#incoming, op.packetId, this.#isAt(op, segment, at));
      case 'sub.put':
      case 'session':
        return this.#isAt(op, segment, at);
      case 'out.sent':
      case 'out.rec':
        return this.#outgoing.has(op.seq);
      case 'in.handled':
        return this.#incoming.has(op.packetId);
      case 'out.done':
      case 'in.free':
      case 'sub.del':
        return false;
    }
  }

  /** The same key may have stood elsewhere before. */
  #isAt(op: StoreOp, segment: number, at: number): boolean {
    const entry = this.#index.find(op);
    return entry !== undefined && entry.segment === segment && entry.at === at;
  }
}

function remember<K>(keys: Set<K>, key: K, isKept: boolean): boolean {
  if (isKept) keys.add(key);
  else keys.delete(key);
  return isKept;
}
