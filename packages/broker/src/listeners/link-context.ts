import type { Cancel, Clock } from '#base/clock.ts';
import type { DoorLog } from './door-log.ts';
import type { Accept, Link, Transport } from './link.ts';
import type { ListenerCounters } from './listener-counters.ts';

/** How long `end` waits for the peer to take what is pending and to close its side. */
const endGraceMs = 5000;

interface Destroyable {
  destroy(): void;
}

/** What all Links of one listener share, so that a Link itself stays small. */
export class LinkContext {
  readonly listener: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly counters: ListenerCounters;
  readonly log: DoorLog;
  readonly #accept: Accept;
  /** Sockets in a handshake, and Links. */
  readonly #open = new Set<Destroyable>();
  #onEmpty: (() => void) | null = null;

  constructor(door: { listener: string; transport: Transport; clock: Clock; counters: ListenerCounters; log: DoorLog }, accept: Accept) {
    this.listener = door.listener;
    this.transport = door.transport;
    this.clock = door.clock;
    this.counters = door.counters;
    this.log = door.log;
    this.#accept = accept;
  }

  /** TLS finishes every write in a later turn, so asking whether it is done at once is of no use. */
  get isEncrypted(): boolean {
    return this.transport === 'tls' || this.transport === 'wss';
  }

  get openCount(): number {
    return this.#open.size;
  }

  opened(connection: Destroyable): void {
    this.#open.add(connection);
  }

  closed(connection: Destroyable): void {
    this.#open.delete(connection);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Destroys all that is open; resolves when the last has told its handler. */
  async closeAll(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  /** Offers a new Link to the rooms above and starts it for whoever takes it. */
  offer(link: Link): void {
    this.opened(link);
    let handler;
    try {
      handler = this.#accept(link);
    } catch (error) {
      this.handlerFailed(error, link);
      link.destroy();
      return;
    }
    if (handler === null) link.destroy();
    else link.start(handler);
  }

  /** The one place where a throw from above ends: it is counted and told; the caller closes that Link only. */
  handlerFailed(error: unknown, link: Link): Error {
    this.counters.handlerErrors++;
    this.log.error({ peer: link.peer, err: error }, 'a connection was closed by an internal error');
    return error instanceof Error ? error : new Error(String(error));
  }

  /** Calls `destroy` when an orderly end takes too long. */
  afterGrace(destroy: () => void): Cancel {
    return this.clock.after(endGraceMs, destroy);
  }
}
