import {
  acknowledgementBytes,
  connectBytes,
  disconnectBytes,
  openTransport,
  publishBytes,
  readPacket,
  type ServerPacket,
  splitPacket,
  subscribeBytes,
  unsubscribeBytes,
  type ConnectOptions,
  type Publish,
  type WireTarget,
  type WireTransport,
} from '@wrenmq/testkit';

export interface MqttSessionOptions {
  readonly clientId: string;
  readonly version: 4 | 5;
  /** Null for a session that ends with its connection; Infinity for one that never ends; seconds otherwise (MQTT 5 only). */
  readonly expirySeconds: number | null;
  /** MQTT 5 only. */
  readonly receiveMaximum?: number;
  /** So many packets pass before an acknowledgement leaves, if the connection is not idle. */
  readonly acknowledgementLag?: number;
}

/** What the application above learns. */
export interface MqttSessionEvents {
  /** Called with a PUBLISH that the application gets; at QoS 2 once each. */
  onMessage(packet: Publish): void;
  /** PUBACK or the first PUBREC came with success. */
  onAcknowledged(key: string): void;
  /** PUBACK or PUBREC came with an error. */
  onRefused(key: string, reasonCode: number): void;
  /** A PUBLISH is about to be sent, for the first time or again. */
  onSending(key: string): void;
  /** An exchange is over: the window has room. */
  onFinished(): void;
  onClosed(): void;
}

/** What an application publishes; `key` is its own name for it. */
export interface Outgoing {
  readonly key: string;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 1 | 2;
  readonly retain?: boolean;
}

interface Unfinished {
  readonly packetId: number;
  readonly message: Outgoing;
  isReceived: boolean;
}

interface Request {
  readonly type: 'suback' | 'unsuback';
  readonly resolve: (codes: readonly number[] | null) => void;
}

/** How long a connection is idle before acknowledgements that lag behind are sent. */
const LAG_MS = 15;
const NEVER = 0xffffffff;

/**
 * A client as the standard wants it: keeps what is not acknowledged and sends it again, in order and with DUP, when its session is
 * present; starts afresh when it is not; takes a QoS 2 message once. Several connections, one after the other, carry it.
 */
export class MqttSession {
  readonly options: MqttSessionOptions;
  isConnected = false;
  /** The Will of the next connection. */
  will: ConnectOptions['will'] | undefined;
  readonly #events: MqttSessionEvents;
  #transport: WireTransport | null = null;
  #attempt: object | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  #packetId = 0;
  readonly #outgoing = new Map<number, Unfinished>();
  readonly #incoming = new Set<number>();
  readonly #requests = new Map<number, Request>();
  #acknowledgements: Buffer[] = [];
  #lagTimer: NodeJS.Timeout | null = null;
  #onConnack: ((result: boolean | Error) => void) | null = null;

  constructor(options: MqttSessionOptions, events: MqttSessionEvents) {
    this.options = options;
    this.#events = events;
  }

  /** PUBLISH packets that are not finished. */
  get unfinished(): number {
    return this.#outgoing.size;
  }

  /** The keys of what was published and is not acknowledged. */
  get unacknowledged(): string[] {
    return [...this.#outgoing.values()].filter(({ isReceived }) => !isReceived).map(({ message }) => message.key);
  }

  /** Connects; resolves with Session Present, or null when that failed. `onSessionPresent` is called before anything is sent again or received. */
  async connect(target: WireTarget, isCleanStart: boolean, onSessionPresent: (isPresent: boolean) => void): Promise<boolean | null> {
    this.#bytes = Buffer.alloc(0);
    // The connection may be over before it is known here.
    const attempt = { isClosed: false };
    this.#attempt = attempt;
    try {
      this.#transport = await openTransport(target, {
        onBytes: (bytes) => {
          if (this.#attempt === attempt) this.#take(bytes);
        },
        onClose: () => {
          attempt.isClosed = true;
          if (this.#attempt === attempt) this.#close();
        },
      });
    } catch {
      return null;
    }
    if (attempt.isClosed) {
      this.#transport = null;
      return null;
    }
    const connack = new Promise<boolean | Error>((resolve) => {
      this.#onConnack = (result) => {
        // ORDER: at once, since messages may lie behind CONNACK in the same bytes.
        if (!(result instanceof Error)) {
          onSessionPresent(result);
          this.#resume(result);
        }
        resolve(result);
      };
    });
    this.#transport.write(this.#connectPacket(isCleanStart));
    const result = await connack;
    return result instanceof Error || !this.isConnected ? null : result;
  }

  publish(message: Outgoing): void {
    const unfinished = { packetId: this.#nextPacketId(), message, isReceived: false };
    this.#outgoing.set(unfinished.packetId, unfinished);
    this.#sendPublish(unfinished, false);
  }

  /** The SUBACK's reason code; null when the connection ended before it. */
  async subscribe(filter: string, qos: 1 | 2): Promise<number | null> {
    const codes = await this.#request('suback', (packetId) => subscribeBytes(this.options.version, packetId, [{ filter, qos }]));
    return codes === null ? null : codes[0];
  }

  /** True when UNSUBACK came. */
  async unsubscribe(filter: string): Promise<boolean> {
    return (await this.#request('unsuback', (packetId) => unsubscribeBytes(this.options.version, packetId, [filter]))) !== null;
  }

  /** Cuts the connection. */
  cut(): void {
    this.#transport?.destroy();
    this.#close();
  }

  /** Says DISCONNECT; the broker closes. */
  disconnect(): void {
    this.#flush();
    this.#transport?.write(disconnectBytes());
  }

  #connectPacket(isCleanStart: boolean): Buffer {
    const { clientId, version, expirySeconds, receiveMaximum } = this.options;
    if (version === 4) return connectBytes(4, { clientId, clean: expirySeconds === null, ...this.#willOption() });
    const sessionExpiryInterval = expirySeconds === null ? 0 : Math.min(expirySeconds, NEVER);
    const properties = { sessionExpiryInterval, ...(receiveMaximum === undefined ? {} : { receiveMaximum }) };
    return connectBytes(5, { clientId, clean: isCleanStart || expirySeconds === null, properties, ...this.#willOption() });
  }

  #willOption(): Pick<ConnectOptions, 'will'> {
    return this.will === undefined ? {} : { will: this.will };
  }

  #resume(isPresent: boolean): void {
    if (!isPresent) {
      this.#outgoing.clear();
      this.#incoming.clear();
    }
    for (const unfinished of this.#outgoing.values()) {
      if (unfinished.isReceived) this.#transport?.write(acknowledgementBytes('pubrel', unfinished.packetId));
      else this.#sendPublish(unfinished, true);
    }
  }

  #sendPublish({ packetId, message }: Unfinished, dup: boolean): void {
    this.#events.onSending(message.key);
    const { topic, payload, qos, retain = false } = message;
    this.#transport?.write(publishBytes(this.options.version, { topic, payload, qos, retain, packetId, dup }));
  }

  #request(type: Request['type'], bytes: (packetId: number) => Buffer): Promise<readonly number[] | null> {
    if (!this.isConnected) return Promise.resolve(null);
    const packetId = this.#nextPacketId();
    return new Promise((resolve) => {
      this.#requests.set(packetId, { type, resolve });
      this.#transport?.write(bytes(packetId));
    });
  }

  #nextPacketId(): number {
    do this.#packetId = (this.#packetId % 65_535) + 1;
    while (this.#outgoing.has(this.#packetId) || this.#requests.has(this.#packetId));
    return this.#packetId;
  }

  #take(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    for (let split = splitPacket(this.#bytes); split !== null; split = splitPacket(this.#bytes)) {
      this.#bytes = split.rest;
      this.#handle(readPacket(this.options.version, split.packet));
      if (this.#transport === null) return;
    }
  }

  #handle(packet: ServerPacket): void {
    switch (packet.type) {
      case 'connack':
        this.isConnected = packet.reasonCode === 0;
        this.#onConnack?.(this.isConnected ? packet.sessionPresent : new Error(`CONNACK ${packet.reasonCode}`));
        this.#onConnack = null;
        break;
      case 'publish':
        this.#handlePublish(packet);
        break;
      case 'puback':
        this.#acknowledged(packet.packetId, packet.reasonCode, true);
        break;
      case 'pubrec':
        this.#acknowledged(packet.packetId, packet.reasonCode, false);
        break;
      case 'pubrel':
        this.#incoming.delete(packet.packetId);
        this.#acknowledge(acknowledgementBytes('pubcomp', packet.packetId));
        break;
      case 'pubcomp':
        this.#outgoing.delete(packet.packetId);
        this.#events.onFinished();
        break;
      case 'suback':
      case 'unsuback':
        this.#requests.get(packet.packetId)?.resolve(packet.reasonCodes);
        this.#requests.delete(packet.packetId);
        break;
      // The end of the connection says it all.
      case 'disconnect':
      case 'auth':
      case 'pingresp':
    }
  }

  #handlePublish(packet: Publish): void {
    const { packetId, qos } = packet;
    if (qos === 2 && this.#incoming.has(packetId)) {
      this.#acknowledge(acknowledgementBytes('pubrec', packetId));
      return;
    }
    this.#events.onMessage(packet);
    if (qos === 0) return;
    if (qos === 2) this.#incoming.add(packetId);
    this.#acknowledge(acknowledgementBytes(qos === 1 ? 'puback' : 'pubrec', packetId));
  }

  #acknowledged(packetId: number, reasonCode: number, isLast: boolean): void {
    const unfinished = this.#outgoing.get(packetId);
    if (unfinished === undefined) return;
    if (reasonCode >= 0x80) {
      this.#outgoing.delete(packetId);
      this.#events.onRefused(unfinished.message.key, reasonCode);
      this.#events.onFinished();
      return;
    }
    if (isLast) this.#outgoing.delete(packetId);
    else this.#acknowledge(acknowledgementBytes('pubrel', packetId));
    if (unfinished.isReceived) return;
    unfinished.isReceived = true;
    this.#events.onAcknowledged(unfinished.message.key);
    if (isLast) this.#events.onFinished();
  }

  #acknowledge(packet: Buffer): void {
    this.#acknowledgements.push(packet);
    if (this.#acknowledgements.length > (this.options.acknowledgementLag ?? 0)) this.#flush();
    else this.#lagTimer ??= setTimeout(() => this.#flush(), LAG_MS);
  }

  #flush(): void {
    if (this.#lagTimer !== null) clearTimeout(this.#lagTimer);
    this.#lagTimer = null;
    if (this.#acknowledgements.length === 0) return;
    const packets = Buffer.concat(this.#acknowledgements);
    this.#acknowledgements = [];
    this.#transport?.write(packets);
  }

  #close(): void {
    if (this.#transport === null) return;
    this.#transport = null;
    this.isConnected = false;
    if (this.#lagTimer !== null) clearTimeout(this.#lagTimer);
    this.#lagTimer = null;
    this.#acknowledgements = [];
    this.#onConnack?.(new Error('closed'));
    this.#onConnack = null;
    for (const { resolve } of this.#requests.values()) resolve(null);
    this.#requests.clear();
    this.#events.onClosed();
  }
}
