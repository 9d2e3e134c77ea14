import { Deferred } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { Surroundings } from '#base/surroundings.ts';
import { limitWait } from '#base/wait-limit.ts';
import type { Message, Payload } from '#message/message.ts';
import type { MqttClient, RequestManyOptions, RequestOptions } from './mqtt-client.ts';

const defaultTimeoutMs = 30_000;
const noMatchingSubscribers = 0x10;

/** One question that waits for answers. */
class Question {
  readonly #answers: Message[] = [];
  #wake = new Deferred<void>();
  #hasEnded = false;
  #error: MqttError | undefined;

  answer(message: Message): void {
    this.#answers.push(message);
    this.#wake.resolve();
  }

  end(error?: MqttError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#error = error;
    this.#wake.resolve();
  }

  /** Undefined at the end. */
  async next(): Promise<Message | undefined> {
    while (this.#answers.length === 0 && !this.#hasEnded) {
      await this.#wake.promise;
      this.#wake = new Deferred();
    }
    const message = this.#answers.shift();
    if (message === undefined && this.#error !== undefined) throw this.#error;
    return message;
  }
}

/** Requests and their answers: one response topic for all, told apart by correlation data. */
export class RequestInbox {
  readonly #client: MqttClient;
  readonly #surroundings: Surroundings;
  readonly #questions = new Map<string, Question>();
  #topic: Promise<string> | undefined;

  constructor(client: MqttClient, surroundings: Surroundings) {
    this.#client = client;
    this.#surroundings = surroundings;
  }

  async request(topic: string, payload: Payload, options: RequestOptions): Promise<Message> {
    for await (const message of this.requestMany(topic, payload, { ...options, max: 1 })) return message;
    throw new MqttError('TIMEOUT', `no answer from '${topic}'`, { retryable: true });
  }

  async *requestMany(topic: string, payload: Payload, options: RequestManyOptions): AsyncGenerator<Message, void> {
    const { timeout = defaultTimeoutMs, idle, max = Infinity, signal, ...publishOptions } = options;
    const question = new Question();
    const correlationData = crypto.getRandomValues(new Uint8Array(16));
    const key = String(correlationData);
    this.#questions.set(key, question);
    // Answers that come until then are answers: the time being over is no error here.
    const stopWatch = limitWait(this.#surroundings, { signal, timeout }, (error) =>
      question.end(error.code === 'TIMEOUT' ? undefined : error),
    );
    let stopIdle: (() => void) | undefined;
    try {
      const fields = {
        qos: 1,
        expiry: Math.ceil(timeout / 1000),
        ...publishOptions,
        timeout,
        ...(signal && { signal }),
        correlationData,
      } as const;
      this.#ask(topic, payload, fields).catch((error: MqttError) => question.end(error));
      for (let count = 0; count < max; count += 1) {
        const message = await question.next();
        if (message === undefined) return;
        stopIdle?.();
        if (idle !== undefined) stopIdle = this.#surroundings.after(idle, () => question.end());
        yield message;
      }
    } finally {
      stopWatch();
      stopIdle?.();
      this.#questions.delete(key);
    }
  }

  end(error: MqttError): void {
    for (const question of this.#questions.values()) question.end(error);
  }

  async #ask(topic: string, payload: Payload, fields: RequestOptions): Promise<void> {
    this.#topic ??= this.#listen();
    const responseTopic = await this.#topic;
    const { noSubscribers } = await this.#client.publish(topic, payload, { responseTopic, ...fields });
    if (noSubscribers)
      throw new MqttError('REFUSED', `nobody subscribes to '${topic}'`, { reasonCode: noMatchingSubscribers, retryable: true });
  }

  async #listen(): Promise<string> {
    try {
      await this.#client.online();
      if (this.#client.protocolVersion < 5) throw new MqttError('NOT_SUPPORTED', 'requests need MQTT 5');
      const { responseInformation = 'wrenmq/response', clientId } = this.#client;
      const topic = `${responseInformation.replace(/\/$/, '')}/${clientId.replace(/[/+#]/g, '_')}`;
      await this.#client.handle(topic, (message) => this.#questions.get(String(message.correlationData))?.answer(message), { qos: 1 });
      return topic;
    } catch (error) {
      // The next request tries again.
      this.#topic = undefined;
      throw error;
    }
  }
}
