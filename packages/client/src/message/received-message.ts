// HOT
import type { PublishProperties, QoS, UserProperties } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import { json, text } from '#topic/payload-codecs.ts';
import type { TopicPattern } from '#topic/topic-pattern.ts';
import type { Message, Payload, PublishOptions, PublishResult } from './message.ts';

/** A message as it came. */
export interface ReceivedPublish {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  readonly properties: PublishProperties | undefined;
}

/** Who is told when a message is done with. */
export interface Receipt {
  acknowledge(publish: ReceivedPublish, reasonCode: number): void;
}

/** What the messages of one local subscription have in common. */
export interface MessageSource {
  /** In the order in which they were given. */
  readonly patterns: readonly TopicPattern[];
  /** `ack` and `nack` are the user's. */
  readonly isManual: boolean;
  publish(topic: string, payload: Payload, options: PublishOptions): Promise<PublishResult>;
}

const noProperties: PublishProperties = {};
const noUserProperties: UserProperties = [];

export class ReceivedMessage<Value = unknown, Params = Record<string, string>> implements Message<Value, Params> {
  value: Value;
  /** Messages of one key are handled one after the other. */
  laneKey: string | undefined;
  readonly #publish: ReceivedPublish;
  readonly #source: MessageSource;
  readonly #receipt: Receipt;
  #isSettled = false;

  constructor(publish: ReceivedPublish, source: MessageSource, receipt: Receipt) {
    this.#publish = publish;
    this.#source = source;
    this.#receipt = receipt;
    this.laneKey = undefined;
    this.value = publish.payload as Value;
  }

  get topic(): string {
    return this.#publish.topic;
  }

  get params(): Params {
    const { patterns } = this.#source;
    const pattern = patterns.find((each) => each.matches(this.topic)) ?? patterns[0];
    return pattern.params(this.topic) as Params;
  }

  get payload(): Uint8Array {
    return this.#publish.payload;
  }

  get qos(): QoS {
    return this.#publish.qos;
  }

  get retain(): boolean {
    return this.#publish.retain;
  }

  get dup(): boolean {
    return this.#publish.dup;
  }

  get packetId(): number {
    return this.#publish.packetId;
  }

  get #properties(): PublishProperties {
    return this.#publish.properties ?? noProperties;
  }

  get payloadFormatIndicator(): number | undefined {
    return this.#properties.payloadFormatIndicator;
  }

  get contentType(): string | undefined {
    return this.#properties.contentType;
  }

  get responseTopic(): string | undefined {
    return this.#properties.responseTopic;
  }

  get correlationData(): Uint8Array | undefined {
    return this.#properties.correlationData;
  }

  get userProperties(): UserProperties {
    return this.#properties.userProperties ?? noUserProperties;
  }

  get expiry(): number | undefined {
    return this.#properties.messageExpiryInterval;
  }

  text(): string {
    return text.decode(this.payload);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the contract's
  json<T = unknown>(): T {
    try {
      return json.decode(this.payload) as T;
    } catch (cause) {
      throw new MqttError('VALIDATION', `no JSON: ${(cause as Error).message}`, { cause });
    }
  }

  ack(): void {
    if (this.#source.isManual) this.#settle(0);
  }

  nack(reasonCode = 0x80): void {
    if (this.#source.isManual) this.#settle(reasonCode);
  }

  /** The consumer is done with it: nothing when acknowledging is the user's. */
  done(reasonCode = 0): void {
    if (!this.#source.isManual) this.#settle(reasonCode);
  }

  /** Nobody will ever see it. */
  discard(): void {
    this.#settle(0);
  }

  respond(payload: Payload, options?: PublishOptions): Promise<PublishResult> {
    const { responseTopic, correlationData } = this.#properties;
    return this.#source.publish(
      responseTopic ?? '',
      payload,
      correlationData === undefined ? { ...options } : { correlationData, ...options },
    );
  }

  #settle(reasonCode: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#publish.qos > 0) this.#receipt.acknowledge(this.#publish, reasonCode);
  }
}
