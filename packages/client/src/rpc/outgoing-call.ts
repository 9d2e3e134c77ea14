import { handled } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import { realSurroundings } from '#base/surroundings.ts';
import { limitWait } from '#base/wait-limit.ts';
import type { Message, PublishOptions, PublishResult } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { type JsonResponse, jsonRequest, readResult } from './json-wire.ts';
import {
  aliveProperty,
  cancelProperty,
  controlTopic,
  createId,
  creditProperty,
  endProperty,
  formatId,
  idempotencyKeyProperty,
  readNumber,
  readProperty,
  readStatus,
  requestProperties,
  sequenceProperty,
} from './native-wire.ts';
import { publishEncoded, type RpcConnection } from './rpc-connection.ts';
import type { RpcWire } from './rpc-context.ts';
import { remoteError, RpcError, RpcNoRespondersError, RpcTimeoutError } from './rpc-error.ts';
import type { CallOptions } from './rpc-options.ts';
import type { WaitingCall, WaitingCalls } from './waiting-calls.ts';

export interface CallRequest {
  /** Without the method. */
  readonly topic: string;
  readonly method: string;
  readonly params: unknown;
  /** The wire that is wanted; without MQTT 5 it is mqttxx's. */
  readonly wire: RpcWire;
  /** Where a peer of mqttxx's wants its answer; otherwise the caller's own place is taken. */
  readonly replyTo?: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  readonly options: CallOptions;
  /** Of a stream: items that may come before `grant`. */
  readonly credit?: number;
}

/** Where answers arrive. */
export interface ReplyPlace {
  readonly topic: string;
  readonly calls: WaitingCalls;
}

export interface CallServices {
  readonly connection: RpcConnection;
  readonly codec: PayloadCodec;
  readonly jsonCodec: PayloadCodec;
  place(request: CallRequest): Promise<ReplyPlace>;
}

export interface Answer {
  readonly sequence: number | undefined;
  readonly isEnd: boolean;
  /** Only a sign of life. */
  readonly isAlive: boolean;
  /** Throws when the call failed. */
  read(): unknown;
}

export interface CallObserver {
  onAnswer(answer: Answer): void;
  /** Once, and last. */
  onFailure(error: Error): void;
  /** Once. Nothing arrives any more. */
  onEnd(): void;
}

/** One call, from its sending to its last answer. */
export class OutgoingCall implements WaitingCall {
  readonly #services: CallServices;
  readonly #request: CallRequest;
  readonly #observer: CallObserver;
  readonly #id = createId();
  readonly #name = formatId(this.#id);
  readonly #sending = new AbortController();
  #calls: WaitingCalls | undefined;
  #isNative = false;
  #isOpen = true;
  #stopWatch: () => void = () => {};

  constructor(services: CallServices, request: CallRequest, observer: CallObserver) {
    this.#services = services;
    this.#request = request;
    this.#observer = observer;
    this.#watch();
    void this.#send();
  }

  onMessage(message: Message): void {
    this.#answer({
      sequence: readNumber(message, sequenceProperty),
      isEnd: readProperty(message, endProperty) !== undefined,
      isAlive: readProperty(message, aliveProperty) !== undefined,
      read: () => readAnswer(message, this.#services.codec),
    });
  }

  onResponse(response: JsonResponse): void {
    this.#answer({ sequence: undefined, isEnd: true, isAlive: false, read: () => readResult(response) });
  }

  fail(error: Error): void {
    if (!this.#isOpen) return;
    this.end();
    this.#observer.onFailure(error);
  }

  /** Nothing is waited for any more; a call that waits to be sent is not sent. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stopWatch();
    this.#calls?.delete(this.#name);
    this.#sending.abort();
    this.#observer.onEnd();
  }

  /** Ends it and tells the responder. */
  cancel(): void {
    if (!this.#isOpen) return;
    this.end();
    this.#control(cancelProperty, '1');
  }

  /** So many items of a stream may come altogether. */
  grant(credit: number): void {
    if (this.#isOpen) this.#control(creditProperty, String(credit));
  }

  #answer(answer: Answer): void {
    this.#watch();
    this.#observer.onAnswer(answer);
  }

  /** The clock starts at the call, and again with each answer of a stream. */
  #watch(): void {
    const { timeout, method, topic, options } = this.#request;
    this.#stopWatch();
    this.#stopWatch = limitWait(realSurroundings, { timeout, signal: options.signal }, (error) => {
      const isTimeout = error.code === 'TIMEOUT';
      this.fail(isTimeout ? new RpcTimeoutError(`${method} on ${topic} did not answer within ${timeout} ms`) : error);
      // The deadline of a single answer has travelled with the call: nobody needs to be told.
      if (!isTimeout || this.#request.credit !== undefined) this.#control(cancelProperty, '1');
    });
  }

  async #send(): Promise<void> {
    try {
      const { calls, topic: replyTo } = await this.#services.place(this.#request);
      if (!this.#isOpen) return;
      this.#calls = calls;
      calls.add(this.#name, this);
      const { noSubscribers } = await this.#publish(replyTo);
      if (noSubscribers) this.fail(new RpcNoRespondersError(this.#request.topic));
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #publish(replyTo: string): Promise<PublishResult> {
    const { connection, codec, jsonCodec } = this.#services;
    const { topic, method, params, wire, timeout, options, credit } = this.#request;
    // Rounded up: the broker discards what nobody waits for any more, never what somebody may still wait for.
    const common = { qos: 1, expiry: Math.ceil(timeout / 1000), signal: this.#sending.signal } as const;
    if (wire === 'mqttxx' || connection.protocolVersion < 5) {
      if (credit !== undefined) throw new RpcError(`${method} is a stream, which needs MQTT 5 and its wire`);
      const fields = { request_id: this.#name, method, params: params ?? null, reply_to: replyTo, caller_id: connection.clientId };
      return connection.publish(topic, jsonCodec.encode(jsonRequest(fields)), common);
    }
    this.#isNative = true;
    const properties = [...requestProperties(connection.clientId), ...(options.userProperties ?? [])];
    if (options.idempotencyKey !== undefined) properties.push([idempotencyKeyProperty, options.idempotencyKey]);
    if (credit !== undefined) properties.push([creditProperty, String(credit)]);
    const payload = params === undefined ? undefined : codec.encode(params);
    return publishEncoded(
      connection,
      `${topic}/${method}`,
      { codec, payload },
      { ...common, responseTopic: replyTo, correlationData: this.#id, userProperties: properties },
    );
  }

  #control(name: string, value: string): void {
    if (!this.#isNative) return;
    const { topic, method, timeout } = this.#request;
    const options: PublishOptions = {
      qos: 1,
      expiry: Math.ceil(timeout / 1000),
      correlationData: this.#id,
      userProperties: [[name, value]],
    };
    // A cancellation that does not arrive costs the responder its time only; a stream without credit ends by its timeout.
    void handled(this.#services.connection.publish(controlTopic(`${topic}/${method}`), '', options));
  }
}

function readAnswer(message: Message, codec: PayloadCodec): unknown {
  const { status, text } = readStatus(message);
  const isEmpty = message.payload.length === 0;
  if (status >= 300) throw remoteError(text, status, isEmpty ? undefined : decodeDetails(codec, message.payload));
  return isEmpty ? undefined : decode(codec, message.payload);
}

function decode(codec: PayloadCodec, payload: Uint8Array): unknown {
  try {
    return codec.decode(payload);
  } catch (cause) {
    throw new MqttError('VALIDATION', `the answer is no ${codec.contentType}`, { cause });
  }
}

/** What somebody else's responder says of a failure may be anything. */
function decodeDetails(codec: PayloadCodec, payload: Uint8Array): unknown {
  try {
    return codec.decode(payload);
  } catch {
    return payload;
  }
}
