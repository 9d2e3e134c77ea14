import path from 'node:path';
import type { Cancel, Clock } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import { Connection } from '#connection/connection.ts';
import type { ConnectionServices } from '#connection/connection-services.ts';
import { isLoopback } from '#base/bind-address.ts';
import type { Accept, Link } from '#listeners/link.ts';
import { createListener, type Listener } from '#listeners/listener.ts';
import type { ListenerOptions } from '#listeners/listener-options.ts';
import { ensureLocalAuthority, type LocalAuthority } from '#listeners/local-authority.ts';
import { ReadBuffer } from '#listeners/socket-handle.ts';
import { ClientCount, type EntranceHouse, ListenerEntrance } from './entrance.ts';
import type { Kernel } from './kernel.ts';
import { listenerOptionsOf, needsOwnCertificate } from './listener-plan.ts';

const DAY_MS = 86_400_000;

/** Where a listener can be reached. */
export interface BoundListener {
  readonly name: string;
  readonly kind: string;
  /** IP address, or the path of a Unix socket. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** The listeners of one broker, and the certificate that it makes for them. */
export class Doors {
  /** The authority behind the broker's own certificate; null when no listener needs it. */
  authority: LocalAuthority | null = null;
  readonly bound: BoundListener[] = [];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Map<string, Listener>();
  /** As they were opened: kind and address cannot change. */
  readonly #options = new Map<string, ListenerOptions>();
  readonly #entrances = new Map<string, ListenerEntrance>();
  readonly #clients = new ClientCount();
  /** What new connections of a listener get. */
  readonly #services = new Map<string, ConnectionServices>();
  #cancelRenewal: Cancel | null = null;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  get listeners(): Iterable<Listener> {
    return this.#listeners.values();
  }

  /** Opens every enabled listener; when one fails, closes the others and rejects. */
  async open(config: Config, kernel: Kernel, house: EntranceHouse): Promise<void> {
    if (needsOwnCertificate(config)) {
      this.authority = await this.#ensureAuthority(config);
      this.#renewDaily(config);
    }
    const readBuffer = new ReadBuffer();
    try {
      for (const [name, { enabled, kind, bind, connectionsMax }] of Object.entries(config.listeners)) {
        if (!enabled) continue;
        const options = listenerOptionsOf(name, config, this.authority);
        this.#options.set(name, options);
        const listener = createListener(options, { log: this.#log, clock: this.#clock, readBuffer });
        const entrance = new ListenerEntrance({ name, connectionsMax, counters: listener.counters }, house, this.#clients);
        this.#entrances.set(name, entrance);
        const facts = { isLoopback: isLoopback(bind), port: 0 };
        this.#services.set(name, kernel.connectionServices(config, facts, entrance));
        const accept: Accept = (link) => {
          if (this.#isDenied(kernel, link)) return null;
          return new Connection(link, this.#services.get(name)!);
        };
        const address = await listener.start(accept);
        if ('port' in address) facts.port = address.port;
        this.#listeners.set(name, listener);
        this.bound.push(
          'path' in address ? { name, kind, address: address.path, port: 0 } : { name, kind, address: address.host, port: address.port },
        );
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Applies a new configuration to the listeners that stay; nobody is disconnected. */
  async reload(config: Config, kernel: Kernel): Promise<void> {
    if (needsOwnCertificate(config)) this.authority = await this.#ensureAuthority(config);
    for (const [name, listener] of this.#listeners) {
      // A listener that is gone from the configuration stays as it is until the next start.
      if (config.listeners[name] === undefined) continue;
      const { kind, bind } = this.#options.get(name)!;
      await listener.reload({ ...listenerOptionsOf(name, config, this.authority), kind, bind });
      const { listener: facts } = this.#services.get(name)!;
      const entrance = this.#entrances.get(name)!;
      entrance.connectionsMax = config.listeners[name].connectionsMax;
      this.#services.set(name, kernel.connectionServices(config, facts, entrance));
    }
  }

  stopAccepting(): void {
    this.#cancelRenewal?.();
    for (const listener of this.#listeners.values()) listener.stopAccepting();
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#listeners.values(), (listener) => listener.close()));
  }

  #isDenied({ hooks, counters }: Kernel, { listener, peer }: Link): boolean {
    const answer = hooks.admit({ listener, peerAddress: peer.address });
    if (typeof answer !== 'object') return false;
    counters.refused['not-authorized'] += 1;
    const fields = { reason: 'a hook refused the connection', peer: `${peer.address}:${peer.port}`, listener, reasonCode: answer.deny };
    this.#log.info(fields, 'client refused');
    return true;
  }

  /** A certificate that is about to expire is made anew; the listeners see the new files themselves. */
  #renewDaily(config: Config): void {
    this.#cancelRenewal = this.#clock.after(DAY_MS, () => {
      this.#ensureAuthority(config).catch((error: unknown) => this.#log.error({ err: error }, 'the server certificate cannot be renewed'));
      this.#renewDaily(config);
    });
  }

  async #ensureAuthority({ dataDirectory }: Config): Promise<LocalAuthority> {
    const directory = path.join(dataDirectory, 'tls');
    const authority = await ensureLocalAuthority({ directory, names: [], addresses: [], clock: this.#clock });
    const { caPath, fingerprint256, made } = authority;
    this.#log.info({ caPath, fingerprint256, made }, 'TLS clients know the broker by this authority: give them its certificate');
    return authority;
  }
}
