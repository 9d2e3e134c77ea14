import { PacketType, ProtocolError, encodeSubscribe, encodeUnsubscribe, subscriptionOptions } from '@wrenmq/codec';
import type { SubackPacket, Subscription, UnsubackPacket } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import type { ConnectionState } from './connection-state.ts';
import { IdentifierGroups, filtersMax } from './identifier-groups.ts';
import type { Journal } from './journal.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { PacketIds } from './packet-ids.ts';
import type { SubscriptionIntent } from './session-contract.ts';
import { reasonError, tooLargeError } from './session-error.ts';

/** The broker does not hold it, as far as is known. */
const notGranted = -1;

/** A filter that is held: wanted here, or known from the store to be granted. */
class HeldFilter {
  readonly filter: string;
  readonly identifier: number;
  /** The identifier that the broker has it under; 0: granted without one. */
  granted = notGranted;
  /** The last one; undefined when only the store knows of the filter. */
  intent: SubscriptionIntent | undefined = undefined;
  /** They have not been sent. */
  waiting: SubscriptionIntent[] = [];

  constructor(filter: string, identifier: number) {
    this.filter = filter;
    this.identifier = identifier;
  }
}

/** A SUBSCRIBE that waits for its SUBACK. */
class SubscribeRequest {
  readonly identifier: number;
  readonly items: readonly { readonly held: HeldFilter; readonly subscription: Subscription; readonly intents: SubscriptionIntent[] }[];

  constructor(identifier: number, helds: readonly HeldFilter[]) {
    this.identifier = identifier;
    this.items = helds.map((held) => ({ held, subscription: held.intent!.subscription, intents: held.waiting }));
  }
}

/** An UNSUBSCRIBE that waits for its UNSUBACK. */
class UnsubscribeRequest {
  readonly filters: readonly string[];
  readonly onDone: () => void;

  constructor(filters: readonly string[], onDone: () => void) {
    this.filters = filters;
    this.onDone = onDone;
  }
}

/** What the client wants to receive, and what the broker holds of it. */
export class Subscriptions {
  readonly #connection: ConnectionState;
  readonly #output: OutputBuffer;
  readonly #journal: Journal;
  readonly #ids: PacketIds<object>;
  readonly #groups = new IdentifierGroups();
  readonly #held = new Map<string, HeldFilter>();
  /** To be sent as soon as there are a connection and a packet identifier. */
  readonly #due = new Set<HeldFilter>();
  /** Not wanted any more, perhaps still held by the broker; with their identifiers, which stay taken until it has answered. */
  readonly #leaving = new Map<string, number>();

  constructor(connection: ConnectionState, output: OutputBuffer, journal: Journal, ids: PacketIds<object>) {
    this.#connection = connection;
    this.#output = output;
    this.#journal = journal;
    this.#ids = ids;
  }

  subscribe(intents: readonly SubscriptionIntent[]): void {
    for (const intent of intents) {
      const { subscription } = intent;
      try {
        encodeSubscribe({ type: PacketType.SUBSCRIBE, packetId: 1, filters: [subscription] }, this.#connection.version);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        intent.onRefused(new MqttError('INVALID', error.message));
        continue;
      }
      const held = this.#hold(subscription.filter);
      intent.subscriptionIdentifier = held.identifier;
      held.intent = intent;
      held.waiting.push(intent);
      this.#due.add(held);
    }
    this.#send();
  }

  unsubscribe(filters: readonly string[], onDone: () => void): void {
    for (const filter of filters) {
      const held = this.#held.get(filter);
      if (held === undefined) continue;
      this.#held.delete(filter);
      this.#due.delete(held);
      this.#leaving.set(filter, held.identifier);
      tell(held.waiting, unsubscribedError());
    }
    if (this.#connection.isConnected) this.#leave(filters, onDone);
    else onDone();
  }

  /** SUBACK. Throws a ProtocolError. */
  granted(packet: SubackPacket): void {
    const request = this.#ids.owner(packet.packetId);
    if (!(request instanceof SubscribeRequest)) return;
    const { items, identifier } = request;
    if (packet.reasonCodes.length !== items.length) throw answerError('MQTT-3.8.4-6'); // [MQTT-3.8.4-6] [MQTT311-3.8.4-5]
    this.#ids.release(packet.packetId);
    items.forEach(({ held, subscription, intents }, index) => {
      const code = packet.reasonCodes[index];
      const told = intents.length === 0 && held.intent !== undefined ? [held.intent] : intents;
      if (code >= 0x80) {
        this.#refuse(held, told, reasonError('REFUSED', code, packet.properties?.reasonString));
        return;
      }
      held.granted = identifier;
      this.#journal.add({ op: 'sub.put', filter: held.filter, options: subscriptionOptions(subscription), id: identifier });
      for (const intent of told) intent.onGranted(code as 0 | 1 | 2);
    });
    this.#send();
  }

  /** UNSUBACK. Whatever it says, there is nothing more to do. */
  left(packet: UnsubackPacket): void {
    const request = this.#ids.owner(packet.packetId);
    if (!(request instanceof UnsubscribeRequest)) return;
    this.#ids.release(packet.packetId);
    for (const filter of request.filters) {
      this.#forget(filter);
      this.#journal.add({ op: 'sub.del', filter });
    }
    request.onDone();
    this.#send();
  }

  /** CONNACK has come: SUBSCRIBE goes out only for what the broker does not hold as it is wanted. */
  start(isSessionPresent: boolean): void {
    if (!isSessionPresent) {
      for (const filter of this.#leaving.keys()) this.#forget(filter);
      for (const held of this.#held.values()) {
        held.granted = notGranted;
        if (held.intent === undefined) this.#drop(held);
      }
    }
    for (const held of this.#held.values()) {
      const wanted = this.#connection.hasIdentifiers ? held.identifier : 0;
      if (held.intent !== undefined && (held.waiting.length > 0 || held.granted !== wanted)) this.#due.add(held);
    }
    if (this.#leaving.size > 0) this.#leave([...this.#leaving.keys()], () => {});
    this.#send();
  }

  /** What was not answered is due again. */
  closed(): void {
    for (const request of this.#takeRequests()) {
      if (request instanceof UnsubscribeRequest) {
        request.onDone();
        continue;
      }
      for (const { held, intents } of request.items) {
        if (this.#held.get(held.filter) === held) held.waiting.unshift(...intents);
        else tell(intents, unsubscribedError());
      }
    }
    this.#due.clear();
  }

  restore(op: StoreOp): void {
    if (op.op === 'sub.put') {
      const { filter, id } = op;
      this.#forget(filter);
      if (id > 0) this.#groups.claim(filter, id);
      const held = new HeldFilter(filter, id > 0 ? id : this.#groups.allot(filter));
      held.granted = id;
      this.#held.set(filter, held);
    } else if (op.op === 'sub.del') {
      const held = this.#held.get(op.filter);
      if (held !== undefined) this.#drop(held);
    } else if (op.op === 'session') {
      for (const held of this.#held.values()) this.#drop(held);
    }
  }

  #hold(filter: string): HeldFilter {
    const known = this.#held.get(filter);
    if (known !== undefined) return known;
    const held = new HeldFilter(filter, this.#leaving.get(filter) ?? this.#groups.allot(filter));
    this.#leaving.delete(filter);
    this.#held.set(filter, held);
    return held;
  }

  #drop(held: HeldFilter): void {
    this.#held.delete(held.filter);
    this.#due.delete(held);
    this.#groups.release(held.filter, held.identifier);
  }

  /** The broker holds it no longer. */
  #forget(filter: string): void {
    const identifier = this.#leaving.get(filter);
    if (identifier === undefined) return;
    this.#leaving.delete(filter);
    this.#groups.release(filter, identifier);
  }

  #refuse(held: HeldFilter, intents: readonly SubscriptionIntent[], error: MqttError): void {
    // A newer intent of the filter may fare better.
    if (held.waiting.length === 0 && this.#held.get(held.filter) === held && intents.includes(held.intent!)) {
      this.#drop(held);
      this.#journal.add({ op: 'sub.del', filter: held.filter });
    }
    tell(intents, error);
  }

  #send(): void {
    if (!this.#connection.isConnected || this.#due.size === 0) return;
    const { hasIdentifiers } = this.#connection;
    const groups = new Map<number, HeldFilter[]>();
    for (const held of this.#due) {
      const identifier = hasIdentifiers ? held.identifier : 0;
      const group = groups.get(identifier);
      if (group === undefined) groups.set(identifier, [held]);
      else group.push(held);
    }
    for (const [identifier, helds] of groups) {
      for (let start = 0; start < helds.length; start += filtersMax) this.#request(identifier, helds.slice(start, start + filtersMax));
    }
  }

  /** One SUBSCRIBE; more when the broker takes only smaller packets. */
  #request(identifier: number, all: readonly HeldFilter[]): void {
    const helds = all.filter((held) => this.#isSupported(held));
    if (helds.length === 0) return;
    const request = new SubscribeRequest(identifier, helds);
    const packetId = this.#ids.take(request);
    if (packetId === 0) return;
    const filters = request.items.map((item) => item.subscription);
    const packet = { type: PacketType.SUBSCRIBE, packetId, filters } as const;
    const properties = identifier > 0 ? { subscriptionIdentifier: identifier } : {};
    const bytes = encodeSubscribe({ ...packet, properties }, this.#connection.version);
    if (this.#fits(bytes, packetId)) {
      this.#output.append(bytes);
      for (const held of helds) {
        this.#due.delete(held);
        held.waiting = [];
      }
    } else if (helds.length > 1) {
      const half = helds.length >> 1;
      this.#request(identifier, helds.slice(0, half));
      this.#request(identifier, helds.slice(half));
    } else {
      this.#giveUp(helds[0], tooLargeError(this.#connection.limits.maxPacketSize));
    }
  }

  #isSupported(held: HeldFilter): boolean {
    const { shared, wildcard } = this.#connection.limits;
    const isShared = held.filter.startsWith('$share/');
    if ((shared || !isShared) && (wildcard || !/[+#]/.test(held.filter))) return true;
    this.#giveUp(held, new MqttError('NOT_SUPPORTED', `the broker has no ${isShared && !shared ? 'shared' : 'wildcard'} subscriptions`));
    return false;
  }

  #giveUp(held: HeldFilter, error: MqttError): void {
    const told = held.waiting.length > 0 ? held.waiting : [held.intent!];
    held.waiting = [];
    this.#due.delete(held);
    this.#refuse(held, told, error);
  }

  #leave(filters: readonly string[], onDone: () => void): void {
    const rest = filters.slice(filtersMax);
    const request = new UnsubscribeRequest(filters.slice(0, filtersMax), rest.length > 0 ? () => {} : onDone);
    const packetId = this.#ids.take(request);
    const bytes =
      packetId === 0
        ? undefined
        : encodeUnsubscribe({ type: PacketType.UNSUBSCRIBE, packetId, filters: [...request.filters] }, this.#connection.version);
    if (bytes !== undefined && this.#fits(bytes, packetId)) this.#output.append(bytes);
    else request.onDone();
    if (rest.length > 0) this.#leave(rest, onDone);
  }

  /** Whether the broker takes it; its packet identifier is free again otherwise. */
  #fits(bytes: Uint8Array, packetId: number): boolean {
    if (bytes.length <= this.#connection.limits.maxPacketSize) return true; // [MQTT-3.2.2-15]
    this.#ids.release(packetId);
    return false;
  }

  #takeRequests(): (SubscribeRequest | UnsubscribeRequest)[] {
    const requests: (SubscribeRequest | UnsubscribeRequest)[] = [];
    for (const [packetId, owner] of this.#ids.entries()) {
      if (!(owner instanceof SubscribeRequest || owner instanceof UnsubscribeRequest)) continue;
      this.#ids.release(packetId);
      requests.push(owner);
    }
    return requests;
  }
}

function tell(intents: readonly SubscriptionIntent[], error: MqttError): void {
  for (const intent of intents) intent.onRefused(error);
}

function unsubscribedError(): MqttError {
  return new MqttError('ABORTED', 'unsubscribed before the broker had answered');
}

function answerError(clause: string): ProtocolError {
  return new ProtocolError(0x82, clause, 'a SUBACK does not answer its SUBSCRIBE');
}
