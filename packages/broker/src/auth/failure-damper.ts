import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Clock } from '#base/clock.ts';
import type { ClientIdentity } from './client-identity.ts';

export interface DamperLimits {
  /** Failures in one window after which a user name is locked, for one address. */
  readonly failuresPerUserMax: number;
  /** Failures in one window after which an address is locked, whatever names it tries. */
  readonly failuresPerAddressMax: number;
  readonly windowMs: number;
  /** The first lock; each further one is twice as long, up to `lockMaxMs`. */
  readonly lockMs: number;
  readonly lockMaxMs: number;
  /** How many user names at addresses, and how many addresses, are remembered; the longest quiet one is dropped. */
  readonly entriesMax: number;
}

export const defaultDamperLimits: DamperLimits = {
  failuresPerUserMax: 5,
  failuresPerAddressMax: 100,
  windowMs: 300_000,
  lockMs: 30_000,
  lockMaxMs: 600_000,
  entriesMax: 10_000,
};

interface FailureRecord {
  failures: number;
  windowEndsMs: number;
  lockedUntilMs: number;
  locks: number;
}

/**
 * Slows the guessing of passwords: locks a user name for the address that failed with it, never for everyone, so that nobody can
 * lock another out. On loopback listeners it does nothing: there all clients share one address, and the owner must get in.
 */
export class FailureDamper {
  readonly #clock: Clock;
  readonly #limits: DamperLimits;
  readonly #byUser = new Map<string, FailureRecord>();
  readonly #byAddress = new Map<string, FailureRecord>();

  constructor(clock: Clock, limits: DamperLimits = defaultDamperLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  isLocked(identity: ClientIdentity, username: string): boolean {
    if (identity.isLoopbackListener || this.#byAddress.size === 0) return false;
    const network = networkOf(identity.peerAddress);
    return this.#isLocked(this.#byAddress.get(network)) || this.#isLocked(this.#byUser.get(userKey(network, username)));
  }

  recordFailure(identity: ClientIdentity, username: string): void {
    if (identity.isLoopbackListener) return;
    const network = networkOf(identity.peerAddress);
    this.#count(this.#byAddress, network, this.#limits.failuresPerAddressMax);
    this.#count(this.#byUser, userKey(network, username), this.#limits.failuresPerUserMax);
  }

  recordSuccess(identity: ClientIdentity, username: string): void {
    if (this.#byUser.size > 0) this.#byUser.delete(userKey(networkOf(identity.peerAddress), username));
  }

  #isLocked(record: FailureRecord | undefined): boolean {
    return record !== undefined && this.#clock.monotonicMs() < record.lockedUntilMs;
  }

  #count(records: Map<string, FailureRecord>, key: string, failuresMax: number): void {
    const nowMs = this.#clock.monotonicMs();
    const record = records.get(key) ?? { failures: 0, windowEndsMs: nowMs + this.#limits.windowMs, lockedUntilMs: 0, locks: 0 };
    if (nowMs >= record.windowEndsMs) {
      record.failures = 0;
      // A window that passed without a lock forgives the earlier ones.
      if (nowMs >= record.lockedUntilMs + this.#limits.windowMs) record.locks = 0;
      record.windowEndsMs = nowMs + this.#limits.windowMs;
    }
    record.failures += 1;
    if (record.failures >= failuresMax) {
      record.lockedUntilMs = nowMs + Math.min(this.#limits.lockMs * 2 ** record.locks, this.#limits.lockMaxMs);
      record.locks = Math.min(record.locks + 1, 30);
      record.failures = 0;
    }
    records.delete(key);
    records.set(key, record);
    if (records.size > this.#limits.entriesMax) records.delete(records.keys().next().value as string);
  }
}

/** One user's names are short, an attacker's may not be: what is kept has one length. */
function userKey(network: string, username: string): string {
  return createHash('sha256').update(`${network} ${username}`).digest('base64');
}

/** An IPv6 client owns a whole /64: it counts as one address. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address);
  if (mapped !== null) return mapped[1];
  const [head, tail = ''] = address.replace(/%.*$/, '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Math.max(0, 8 - first.length - last.length) : 0;
  const groups = [...first, ...Array.from({ length: zeros }, () => '0'), ...last];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
