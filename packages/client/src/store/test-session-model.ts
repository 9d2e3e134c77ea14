import type { SessionStore, StoreOp } from './session-store.ts';

/** What steps amount to, as plain as can be: a text that is equal when the sessions are. */
export function describeSession(ops: readonly StoreOp[]): string {
  const outgoing = new Map<bigint, string[]>();
  const incoming = new Map<number, string[]>();
  const subscriptions = new Map<string, string>();
  let session = '';
  for (const op of ops) {
    switch (op.op) {
      case 'out.put':
        outgoing.set(op.seq, [`qos ${op.qos}`, `expires ${op.expiresAt}`, Buffer.from(op.packet).toString('hex')]);
        break;
      case 'out.sent':
        outgoing.get(op.seq)?.push(`sent ${op.packetId}`);
        break;
      case 'out.rec':
        outgoing.get(op.seq)?.push('rec');
        break;
      case 'out.done':
        outgoing.delete(op.seq);
        break;
      case 'in.put':
        incoming.set(op.packetId, [Buffer.from(op.packet).toString('hex')]);
        break;
      case 'in.handled':
        incoming.get(op.packetId)?.push('handled');
        break;
      case 'in.free':
        incoming.delete(op.packetId);
        break;
      case 'sub.put':
        subscriptions.set(op.filter, `${op.options} ${op.id}`);
        break;
      case 'sub.del':
        subscriptions.delete(op.filter);
        break;
      case 'session':
        incoming.clear();
        subscriptions.clear();
        session = op.state;
        break;
    }
  }
  const sorted = (entries: Iterable<readonly [unknown, unknown]>): string[] => [...entries].map(String).sort();
  return [session, ...[...outgoing].map(String), ...sorted(incoming), ...sorted(subscriptions)].join('\n');
}

export async function collect(ops: AsyncIterable<StoreOp>): Promise<StoreOp[]> {
  const all: StoreOp[] = [];
  for await (const op of ops) all.push(op);
  return all;
}

/** Opens a store and gives what its steps amount to. */
export async function openAndDescribe(store: SessionStore, clientId = 'client'): Promise<string> {
  const { ops } = await store.open(clientId);
  return describeSession(await collect(ops));
}

/** Steps as a session takes them, in batches, chosen by a seed. */
export class SessionScript {
  readonly #random: () => number;
  #seq = 0n;
  #isSent = new Map<bigint, boolean>();
  #incoming = new Set<number>();
  #filters = new Set<string>();

  constructor(random: () => number) {
    this.#random = random;
  }

  nextBatch(): StoreOp[] {
    const count = 1 + this.#below(4);
    return Array.from({ length: count }, () => this.#nextOp()).filter((op) => op !== undefined);
  }

  #nextOp(): StoreOp | undefined {
    switch (this.#below(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#put();
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        return this.#advance();
      case 9:
        return this.#receive();
      case 10:
        return this.#finish();
      case 11:
        return this.#subscribe();
      case 12:
        return this.#unsubscribe();
      default:
        return this.#begin();
    }
  }

  #put(): StoreOp {
    this.#seq += 1n;
    this.#isSent.set(this.#seq, false);
    const put = { op: 'out.put', seq: this.#seq, qos: this.#below(2) === 0 ? 1 : 2, packet: this.#bytes() } as const;
    return this.#below(3) === 0 ? { ...put, expiresAt: 1_800_000_000_000 + this.#random() * 1e6 } : put;
  }

  #advance(): StoreOp | undefined {
    const seq = this.#pick([...this.#isSent.keys()]);
    if (seq === undefined) return undefined;
    if (!this.#isSent.get(seq)) {
      this.#isSent.set(seq, true);
      return { op: 'out.sent', seq, packetId: 1 + this.#below(65_535) };
    }
    if (this.#below(3) === 0) return { op: 'out.rec', seq };
    this.#isSent.delete(seq);
    return { op: 'out.done', seq };
  }

  #receive(): StoreOp {
    const packetId = 1 + this.#below(5);
    this.#incoming.add(packetId);
    return { op: 'in.put', packetId, packet: this.#bytes() };
  }

  #finish(): StoreOp | undefined {
    const packetId = this.#pick([...this.#incoming]);
    if (packetId === undefined) return undefined;
    if (this.#below(2) === 0) return { op: 'in.handled', packetId };
    this.#incoming.delete(packetId);
    return { op: 'in.free', packetId };
  }

  #subscribe(): StoreOp {
    const filter = `räume/${this.#below(6)}/+`;
    this.#filters.add(filter);
    return { op: 'sub.put', filter, options: this.#below(64), id: this.#below(268_435_456) };
  }

  #unsubscribe(): StoreOp | undefined {
    const filter = this.#pick([...this.#filters]);
    if (filter === undefined) return undefined;
    this.#filters.delete(filter);
    return { op: 'sub.del', filter };
  }

  #begin(): StoreOp {
    if (this.#below(4) > 0) return this.#put();
    this.#incoming.clear();
    this.#filters.clear();
    return { op: 'session', state: this.#below(2) === 0 ? 'new' : 'lost' };
  }

  #bytes(): Uint8Array {
    const length = this.#below(8) === 0 ? this.#below(600) : this.#below(40);
    // Some payloads are all zeros, as a torn file is.
    const isZero = this.#below(4) === 0;
    return Uint8Array.from({ length }, () => (isZero ? 0 : this.#below(256)));
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[this.#below(values.length)];
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}
