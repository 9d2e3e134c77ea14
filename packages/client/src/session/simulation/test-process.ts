import type { ConnackProperties, DisconnectProperties } from '@wrenmq/codec';
import type { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import type { ConnectionOutcome, Delivery, SessionObserver, SessionSettings } from '#session/session-contract.ts';
import { Session } from '#session/session.ts';
import { TestMessage } from '#session/test-session.ts';

/** A batch on its way to the disk. */
export interface PendingBatch {
  readonly ops: readonly StoreOp[];
  /** The broker's session that a `session` step in it speaks of; 0: there is no such step. */
  readonly generation: number;
  /** Numbers of the messages whose `in.handled` is in it. */
  readonly handled: readonly number[];
}

/** What the world has to do for a process. */
export interface World {
  onConnected(): number;
  onDelivered(number: number, delivery: Delivery): void;
  onRejected(error: MqttError): void;
}

/** A message that a process publishes. */
export class NumberedMessage extends TestMessage {
  readonly number: number;
  isCancelled = false;

  constructor(number: number, topic: string, qos: 0 | 1 | 2) {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, number);
    super(topic, qos, { payload });
    this.number = number;
  }

  get isStored(): boolean {
    return this.calls.some((call) => call.startsWith('stored'));
  }

  /** The final call, undefined when there was none. */
  get end(): string | undefined {
    return this.calls.find((call) => !call.startsWith('stored'));
  }
}

/** One life of the client. */
export class ClientProcess implements SessionObserver {
  readonly session: Session;
  readonly messages: NumberedMessage[] = [];
  /** Deliveries that the application has not acknowledged. */
  readonly open: Delivery[] = [];
  readonly pending: PendingBatch[] = [];
  /** The broker's session that it knows of; 0: none. */
  generation: number;
  readonly #world: World;
  readonly #numbers = new Map<number, number>();

  constructor(settings: SessionSettings, disk: { log: readonly StoreOp[]; generation: number }, world: World) {
    this.generation = disk.generation;
    this.#world = world;
    this.session = new Session(settings, this);
    for (const op of disk.log) this.session.restore(op);
  }

  onConnected(_outcome: ConnectionOutcome): void {
    this.generation = this.#world.onConnected();
  }

  onRejected(error: MqttError, _properties: ConnackProperties | DisconnectProperties | undefined): void {
    this.#world.onRejected(error);
  }

  onAuthenticate(): void {
    throw new Error('nobody asked for authentication');
  }

  onDelivery(delivery: Delivery): void {
    const number = new DataView(delivery.payload.buffer, delivery.payload.byteOffset).getUint32(0);
    if (delivery.qos === 2) this.#numbers.set(delivery.packetId, number);
    if (delivery.qos > 0) this.open.push(delivery);
    this.#world.onDelivered(number, delivery);
  }

  onSessionLost(): void {}

  onStore(ops: readonly StoreOp[]): void {
    const handled = ops.flatMap((op) => (op.op === 'in.handled' ? [this.#numbers.get(op.packetId) ?? 0] : []));
    const generation = ops.some((op) => op.op === 'session') ? this.generation : 0;
    this.pending.push({ ops, generation, handled });
  }
}
