// HOT
import { PacketType, ProtocolError, ReasonCode, encodePublishProperties } from '@wrenmq/codec';
import { Deque } from '#base/deque.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Journal, Wait } from './journal.ts';
import { EntryState, OutboundEntry, emptyBytes } from './outbound-entry.ts';
import { OutboundQueue } from './outbound-queue.ts';
import { OutboundTopics } from './outbound-topics.ts';
import type { OutboundTopic } from './outbound-topics.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { PacketIds } from './packet-ids.ts';
import { PublishOutput } from './publish-output.ts';
import type { PublishSource } from './publish-output.ts';
import type { OutboundMessage, SessionSettings } from './session-contract.ts';
import { expiredError, reasonError, tooLargeError } from './session-error.ts';
import { decodeStoredMessage, encodeStoredMessage } from './stored-message.ts';

/** How many messages a lost session took along. */
export interface Loss {
  readonly republished: number;
  readonly failed: number;
}

/** Messages on their way to the broker: queue, quota, acknowledgements, and what becomes of them on the next connection. */
export class OutboundFlow {
  /** The broker resumed a session of which nothing is known here: its packet identifiers have to be freed first. */
  mustProbe = false;
  readonly #settings: SessionSettings;
  readonly #connection: ConnectionState;
  readonly #output: OutputBuffer;
  readonly #journal: Journal;
  readonly #ids: PacketIds<object>;
  readonly #publishes: PublishOutput;
  readonly #topics = new OutboundTopics();
  /** QoS 1 and 2 without packet identifier, by `seq`. */
  readonly #queue = new OutboundQueue();
  /** QoS 0 that waits for a connection. */
  readonly #unacknowledged = new OutboundQueue();
  /** Of an earlier connection, to be written again, by `seq`. */
  readonly #again = new Deque<OutboundEntry>();
  /** They have a place in the quota, and leave in this order. */
  readonly #outgoing = new Deque<OutboundEntry>();
  readonly #probed = new Set<number>();
  readonly #restored = new Map<bigint, OutboundEntry>();
  #seq = 0;
  #used = 0;
  #inflight = 0;

  constructor(
    settings: SessionSettings,
    connection: ConnectionState,
    output: OutputBuffer,
    parts: { journal: Journal; ids: PacketIds<object> },
  ) {
    this.#settings = settings;
    this.#connection = connection;
    this.#output = output;
    this.#journal = parts.journal;
    this.#ids = parts.ids;
    this.#publishes = new PublishOutput(connection, output);
  }

  get inflight(): number {
    return this.#inflight;
  }

  get queued(): number {
    return this.#queue.length + this.#unacknowledged.length;
  }

  get queuedBytes(): number {
    return this.#queue.bytes + this.#unacknowledged.bytes;
  }

  /** When `expire` is due; Infinity: never. */
  get expiryDue(): number {
    return Math.min(this.#queue.expiryDue, this.#unacknowledged.expiryDue);
  }

  publish(message: OutboundMessage): void {
    let topic: OutboundTopic;
    let properties = emptyBytes;
    try {
      topic = this.#topics.get(message.topic);
      if (message.properties !== undefined) properties = encodePublishProperties(message.properties);
    } catch (error) {
      if (!(error instanceof MqttError || error instanceof ProtocolError)) throw error;
      message.onFailed(error instanceof MqttError ? error : new MqttError('INVALID', error.message));
      return;
    }
    if (message.qos === 0 && this.#connection.isConnected && this.#unacknowledged.length === 0) {
      this.#publishAtOnce(topic, message, properties, message);
      return;
    }
    const entry = new OutboundEntry(message.qos === 0 ? 0 : ++this.#seq, topic, message, properties, message);
    message.slot = entry;
    if (message.qos === 0) {
      this.#unacknowledged.push(entry);
      return;
    }
    this.#queue.push(entry);
    if (this.#journal.isDurable) this.#store(entry);
    else message.onStored(entry.seq);
    this.pump();
  }

  cancel(message: OutboundMessage): boolean {
    const entry = message.slot;
    if (!(entry instanceof OutboundEntry) || entry.state !== EntryState.Queued) return false;
    this.#end(entry);
    return true;
  }

  /** Sends what may be sent: first what was sent before, then the queue, as far as the quota goes. */
  pump(): void {
    const connection = this.#connection;
    // What a refused message's owner does may end the connection.
    while (connection.isConnected && this.#used < connection.quota) {
      const again = this.#again.shift();
      if (again !== undefined) {
        if (again.state === EntryState.Assigned) this.#take(again);
        continue;
      }
      const entry = this.#queue.first;
      if (entry === undefined) break;
      // ORDER: a message leaves after it is in the store, or is on its way there in one batch with this step.
      if (!entry.isStored && entry.batch !== this.#journal.messages) break;
      const refusal = this.#refusal(entry.topic, entry, entry.properties);
      if (refusal !== undefined) {
        this.#fail(entry, refusal);
        continue;
      }
      if (!this.#assign(entry)) break;
      this.#queue.shift();
      this.#take(entry);
    }
    if (connection.isConnected) this.#write();
  }

  /** PUBACK. */
  acknowledged(packetId: number, reasonCode: number, reasonString: string | undefined): void {
    const entry = this.#sent(packetId);
    if (entry?.qos === 1 && entry.state === EntryState.Sent) this.#complete(entry, reasonCode, reasonString);
  }

  /** PUBREC. */
  received(packetId: number, reasonCode: number, reasonString: string | undefined): void {
    const entry = this.#sent(packetId);
    if (entry === undefined || entry.qos !== 2 || entry.state < EntryState.Sent) {
      // A state that only the broker remembers ends here.
      this.#output.acknowledge(PacketType.PUBREL, packetId, this.#connection.version === 5 ? ReasonCode.PacketIdentifierNotFound : 0);
    } else if (entry.state === EntryState.Released) {
      if (entry.stepsPending === 0) this.#output.acknowledge(PacketType.PUBREL, packetId, 0);
    } else if (reasonCode >= 0x80) {
      this.#complete(entry, reasonCode, reasonString);
    } else {
      entry.state = EntryState.Released;
      entry.reasonCode = reasonCode;
      entry.payload = emptyBytes;
      entry.properties = emptyBytes;
      if (this.#journal.isDurable) {
        // ORDER: were it forgotten after PUBREL, the message would be sent again, as a new one for the broker.
        entry.stepsPending++;
        this.#journal.add({ op: 'out.rec', seq: BigInt(entry.seq) }, 'released', entry);
      } else {
        this.#output.acknowledge(PacketType.PUBREL, packetId, 0); // [MQTT-4.3.3-4]
      }
    }
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    const entry = this.#sent(packetId);
    if (entry === undefined) return;
    if (entry.isProbing) {
      entry.isProbing = false;
      this.#probed.add(packetId);
      this.#write();
    } else if (entry.state === EntryState.Released) {
      // Also with 0x92: then the broker had done so before.
      this.#complete(entry, entry.reasonCode, undefined);
    }
  }

  /** A step is durable, or could not be stored. */
  settled(wait: Wait, entry: OutboundEntry, error: MqttError | undefined): void {
    if (wait !== 'put') entry.stepsPending--;
    if (wait === 'released') {
      // Also after a failure: the broker has the message, and going on is better than staying, though a crash could double it now.
      if (this.#connection.isConnected && entry.state === EntryState.Released && entry.stepsPending === 0)
        this.#output.acknowledge(PacketType.PUBREL, entry.packetId, 0);
      return;
    }
    if (error !== undefined) {
      if (entry.state !== EntryState.Ended) this.#fail(entry, error);
    } else if (wait === 'put') {
      entry.isStored = true;
      entry.batch = undefined;
      if (entry.state === EntryState.Ended) this.#journal.add({ op: 'out.done', seq: BigInt(entry.seq) });
      else entry.message?.onStored(entry.seq);
    }
    this.pump();
  }

  /** CONNACK has come: what was in flight is sorted out; `resume` follows. */
  start(isSessionPresent: boolean): Loss {
    const entries: OutboundEntry[] = [];
    for (const [, owner] of this.#ids.entries()) {
      if (!(owner instanceof OutboundEntry)) continue;
      owner.isCounted = false;
      entries.push(owner);
    }
    entries.sort((one, other) => one.seq - other.seq);
    this.#used = 0;
    if (!isSessionPresent) return this.#lose(entries);
    for (const entry of entries) {
      if (entry.state === EntryState.Released) {
        this.#count(entry);
        if (entry.stepsPending === 0) this.#output.acknowledge(PacketType.PUBREL, entry.packetId, 0); // [MQTT-4.4.0-1] [MQTT311-4.4.0-1]
      } else {
        entry.state = EntryState.Assigned;
        this.#again.push(entry); // [MQTT-4.6.0-1] [MQTT311-4.6.0-1]
      }
    }
    return { republished: 0, failed: 0 };
  }

  /** Sends what waited for a connection. */
  resume(): void {
    while (this.#connection.isConnected) {
      const entry = this.#unacknowledged.first;
      if (entry === undefined) break;
      this.#unacknowledged.shift();
      entry.state = EntryState.Ended;
      this.#publishAtOnce(entry.topic, entry, entry.properties, entry.message!);
    }
    this.pump();
  }

  closed(): void {
    this.#again.drain();
    this.#outgoing.drain();
  }

  /** Ends queued messages that nobody wants any more. */
  expire(): void {
    const { now } = this.#connection;
    for (const entry of [...this.#queue.expired(now), ...this.#unacknowledged.expired(now)]) {
      if (entry.state === EntryState.Queued) this.#fail(entry, expiredError());
    }
  }

  restore(op: StoreOp): void {
    if (op.op === 'out.put') {
      const { topic, payload, retain, properties } = decodeStoredMessage(op.packet);
      const source = { qos: op.qos, retain, payload, expiresAt: op.expiresAt };
      const entry = new OutboundEntry(Number(op.seq), this.#topics.get(topic), source, properties, undefined);
      this.#restored.set(op.seq, entry);
      this.#seq = Math.max(this.#seq, entry.seq);
    } else if (op.op === 'session') {
      for (const entry of this.#restored.values()) this.#reset(entry);
    } else if (op.op === 'out.done') {
      this.#restored.delete(op.seq);
    } else if (op.op === 'out.sent' || op.op === 'out.rec') {
      const entry = this.#restored.get(op.seq);
      if (entry === undefined) return;
      entry.state = op.op === 'out.sent' ? EntryState.Sent : EntryState.Released;
      entry.isRepeated = true;
      if (op.op === 'out.sent') entry.packetId = op.packetId;
      else entry.payload = emptyBytes;
    }
  }

  /** Everything is restored. */
  settle(): void {
    if (this.#restored.size === 0) return;
    for (const entry of [...this.#restored.values()].sort((one, other) => one.seq - other.seq)) {
      if (entry.packetId === 0) {
        this.#queue.push(entry);
      } else {
        this.#ids.claim(entry.packetId, entry);
        this.#inflight++;
      }
    }
    this.#restored.clear();
    this.#ids.settle();
  }

  #publishAtOnce(topic: OutboundTopic, source: PublishSource, properties: Uint8Array, message: OutboundMessage): void {
    const refusal = this.#refusal(topic, source, properties);
    if (refusal !== undefined) {
      message.onFailed(refusal);
      return;
    }
    this.#publishes.write(topic, source, properties, undefined);
    message.onAcknowledged(0, false);
  }

  /** Why the broker would not take it, or nobody wants it any more. */
  #refusal(topic: OutboundTopic, source: PublishSource, properties: Uint8Array): MqttError | undefined {
    const { limits, now } = this.#connection;
    const { maximumQoS, maxPacketSize } = limits;
    if (source.expiresAt !== undefined && source.expiresAt <= now) return expiredError();
    if (source.qos > maximumQoS) return new MqttError('NOT_SUPPORTED', `the broker takes QoS ${maximumQoS} at most`); // [MQTT-3.2.2-11]
    if (source.retain && !limits.retain) return new MqttError('NOT_SUPPORTED', 'the broker retains nothing'); // [MQTT-3.2.2-14]
    return this.#publishes.fits(topic, source, properties) ? undefined : tooLargeError(maxPacketSize); // [MQTT-3.2.2-15]
  }

  #store(entry: OutboundEntry): void {
    const { seq, topic, payload, retain, properties, expiresAt } = entry;
    entry.isStored = false;
    entry.batch = this.#journal.messages;
    const packet = encodeStoredMessage(topic.bytes, payload, retain, properties);
    const op = { op: 'out.put', seq: BigInt(seq), qos: entry.qos as 1 | 2, packet } as const;
    this.#journal.addMessage(expiresAt === undefined ? op : { ...op, expiresAt }, 'put', entry);
  }

  /** Gives it a packet identifier; false when there is none. */
  #assign(entry: OutboundEntry): boolean {
    const packetId = this.#ids.take(entry); // [MQTT-2.2.1-3] [MQTT311-2.3.1-2]
    if (packetId === 0) return false;
    this.#inflight++;
    entry.packetId = packetId;
    entry.state = EntryState.Assigned;
    if (!this.#journal.isDurable) return true;
    const op = { op: 'out.sent', seq: BigInt(entry.seq), packetId } as const;
    // ORDER: a crash must not forget which packet identifier the broker knows a QoS 2 message by. At QoS 1 it costs a duplicate at most.
    if (entry.qos === 2) entry.stepsPending++;
    const wait = entry.qos === 2 ? 'sent' : undefined;
    if (entry.isStored) this.#journal.add(op, wait, entry);
    else this.#journal.addMessage(op, wait, entry);
    return true;
  }

  /** Gives it a place in the quota; it leaves in its turn. */
  #take(entry: OutboundEntry): void {
    if (!this.#publishes.fits(entry.topic, entry, entry.properties)) {
      this.#fail(entry, tooLargeError(this.#connection.limits.maxPacketSize));
      return;
    }
    this.#count(entry);
    entry.isProbing = entry.qos === 2 && this.mustProbe && !entry.isRepeated && !this.#probed.has(entry.packetId);
    if (entry.isProbing) this.#output.acknowledge(PacketType.PUBREL, entry.packetId, 0);
    this.#outgoing.push(entry);
  }

  #count(entry: OutboundEntry): void {
    entry.isCounted = true;
    this.#used++;
  }

  #write(): void {
    for (let entry = this.#outgoing.first; entry !== undefined; entry = this.#outgoing.first) {
      if (entry.state === EntryState.Assigned) {
        if (!entry.isStored || entry.stepsPending > 0 || entry.isProbing) return;
        this.#publishes.write(entry.topic, entry, entry.properties, entry);
        entry.state = EntryState.Sent;
        entry.isRepeated = true;
      }
      this.#outgoing.shift();
    }
  }

  #sent(packetId: number): OutboundEntry | undefined {
    const owner = this.#ids.owner(packetId);
    return owner instanceof OutboundEntry ? owner : undefined;
  }

  #complete(entry: OutboundEntry, reasonCode: number, reasonString: string | undefined): void {
    this.#end(entry);
    if (reasonCode < 0x80) entry.message?.onAcknowledged(reasonCode, false);
    else entry.message?.onFailed(reasonError('REFUSED', reasonCode, reasonString));
    this.pump();
  }

  #fail(entry: OutboundEntry, error: MqttError): void {
    this.#end(entry);
    entry.message?.onFailed(error);
  }

  /** Takes it out of everything; the caller tells why. */
  #end(entry: OutboundEntry): void {
    if (entry.state === EntryState.Queued) {
      (entry.qos === 0 ? this.#unacknowledged : this.#queue).forget(entry);
    } else {
      this.#ids.release(entry.packetId);
      this.#inflight--;
      if (entry.isCounted) this.#used--;
    }
    entry.state = EntryState.Ended;
    entry.payload = emptyBytes;
    if (entry.message !== undefined) entry.message.slot = undefined;
    if (this.#journal.isDurable && entry.isStored && entry.qos > 0) this.#journal.add({ op: 'out.done', seq: BigInt(entry.seq) });
  }

  /** The broker has forgotten the session. */
  #lose(entries: readonly OutboundEntry[]): Loss {
    let republished = 0;
    const ending: OutboundEntry[] = [];
    for (const entry of entries.toReversed()) {
      if (!this.#mayGoAgain(entry)) {
        ending.unshift(entry);
        continue;
      }
      if (entry.isRepeated) republished++;
      this.#ids.release(entry.packetId);
      this.#inflight--;
      this.#reset(entry);
      this.#queue.unshift(entry);
    }
    let failed = 0;
    for (const entry of ending) {
      const isDone = entry.state === EntryState.Released || (entry.qos === 1 && this.#settings.onLost === 'drop');
      this.#end(entry);
      if (isDone) {
        entry.message?.onAcknowledged(entry.reasonCode, true);
      } else {
        failed++;
        entry.message?.onFailed(
          new MqttError('SESSION_LOST', 'the broker has forgotten the session: whether the message arrived is unknown'),
        );
      }
    }
    return { republished, failed };
  }

  #mayGoAgain(entry: OutboundEntry): boolean {
    if (entry.state === EntryState.Released) return false;
    if (!entry.isRepeated) return true;
    return (entry.qos === 1 ? this.#settings.onLost : this.#settings.onLostExactlyOnce) === 'republish';
  }

  /** As if it had never been sent. */
  #reset(entry: OutboundEntry): void {
    entry.state = EntryState.Queued;
    entry.packetId = 0;
    entry.isRepeated = false;
    entry.isProbing = false;
  }
}
