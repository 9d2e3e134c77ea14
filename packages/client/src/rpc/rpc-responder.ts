import { MqttError } from '#base/mqtt-error.ts';
import type { SchemaIssue } from '#base/standard-schema.ts';
import type { Message } from '#message/message.ts';
import { check, pathOf } from '#topic/define-topic.ts';
import { AnswerCache } from './answer-cache.ts';
import type { CallAnswer, IncomingCall } from './incoming-call.ts';
import { permissionDenied } from './json-wire.ts';
import { cancelProperty, creditProperty, formatId, readNumber, readProperty } from './native-wire.ts';
import type { RpcContext } from './rpc-context.ts';
import { RpcRemoteError } from './rpc-error.ts';
import type { RpcMethod } from './rpc-contract.ts';
import type { RpcResponderOptions } from './rpc-options.ts';
import { RunningCall } from './running-call.ts';
import { sendStream } from './send-stream.ts';

const defaultConcurrency = 100;
const defaultDedupeWindowMs = 300_000;

export interface ServedMethod extends RpcMethod {
  run(input: never, context: RpcContext): unknown;
}

/** The answering side: reply topic, busy, authorization, method, input, the method itself, output; in this order. */
export class RpcResponder {
  readonly #options: RpcResponderOptions;
  readonly #find: (name: string) => ServedMethod | undefined;
  readonly #concurrency: number;
  readonly #answers: AnswerCache;
  /** By name, so that callers can cancel. */
  readonly #running = new Map<string, RunningCall>();
  readonly #handled = new Set<Promise<void>>();
  #methods = 0;

  constructor(options: RpcResponderOptions, find: (name: string) => ServedMethod | undefined) {
    this.#options = options;
    this.#find = find;
    this.#concurrency = options.concurrency ?? defaultConcurrency;
    this.#answers = new AnswerCache(options.dedupeWindow ?? defaultDedupeWindowMs);
  }

  /** Answers a call. `onDone`: its message can be acknowledged, after the answer has left, or when a stream begins. */
  accept(call: IncomingCall, onDone: () => void): void {
    const handled = this.#handle(call, onDone).finally(() => {
      this.#handled.delete(handled);
      onDone();
    });
    this.#handled.add(handled);
  }

  /** A word from a caller on a call that runs. */
  control(message: Message): void {
    const running = message.correlationData && this.#running.get(formatId(message.correlationData));
    if (!running) return;
    if (readProperty(message, cancelProperty) !== undefined) running.stop(undefined);
    else running.grant(readNumber(message, creditProperty) ?? 0);
  }

  /** Ends streams, and waits for the answers to all other calls. */
  async drain(): Promise<void> {
    for (const running of this.#running.values()) {
      if (running.isStream) running.stop(running.call.fail(503, 'the responder ends'));
    }
    await Promise.all(this.#handled);
  }

  /** Stops everything without an answer. */
  abandon(): void {
    for (const running of this.#running.values()) running.stop(undefined);
  }

  /** Never rejects. */
  async #handle(call: IncomingCall, onStream: () => void): Promise<void> {
    if (!this.#mayAnswer(call.replyTo)) return;
    const credit = call.message && readNumber(call.message, creditProperty);
    const running = new RunningCall(call, credit);
    const context = this.#context(call, running, credit === undefined);
    if (this.#methods >= this.#concurrency) return this.#send(call, call.fail(429, 'too many calls'), context);
    this.#methods += 1;
    // A repetition of a call that runs waits for its answer, and leaves cancellation and credit to it.
    if (!this.#running.has(call.name)) this.#running.set(call.name, running);
    if (credit === undefined) this.#limit(running, context);
    const answering = this.#answer(running, context, onStream).catch((error: unknown) => {
      this.#options.onError?.(error, context);
      return undefined;
    });
    // A method that goes on after its time holds its place.
    void answering.then(() => (this.#methods -= 1));
    const answer = await Promise.race([answering, running.stopped]);
    running.end();
    if (this.#running.get(call.name) === running) this.#running.delete(call.name);
    if (answer !== undefined) await this.#send(call, answer, context);
  }

  /** Undefined: no answer is wanted. Rejects when the codec cannot even write a failure. */
  async #answer(running: RunningCall, context: RpcContext, onStream: () => void): Promise<CallAnswer | undefined> {
    const { call } = running;
    if (!(await this.#isAllowed(context))) return call.fail(403, permissionDenied);
    const method = this.#find(call.method);
    if (method === undefined) return call.notFound();
    if (method.stream) {
      if (call.wire === 'mqttxx') return call.fail(400, `${call.method} is a stream, which needs MQTT 5's wire`);
      running.isStream = true;
      onStream();
    }
    return this.#answers.once(call.identity, () => this.#run(method, running, context));
  }

  async #run(method: ServedMethod, running: RunningCall, context: RpcContext): Promise<CallAnswer | undefined> {
    const { call } = running;
    let hasInput = false;
    try {
      const input = await check(method.input, call.readParams());
      hasInput = true;
      const result = method.run(input as never, context);
      const encode = async (value: unknown): Promise<CallAnswer> => {
        await check(method.output, value);
        return call.succeed(value);
      };
      if (!method.stream) return await encode(await result);
      return await sendStream(running, result as AsyncIterable<unknown>, encode, (error) => this.#options.onError?.(error, context));
    } catch (error) {
      if (running.signal.aborted) return undefined;
      if (!hasInput) return failure(call, error, 400);
      this.#options.onError?.(error, context);
      return { ...failure(call, error, 500), isApplicationError: true };
    }
  }

  #limit(running: RunningCall, { deadline = Infinity }: RpcContext): void {
    const { methodTimeout = Infinity } = this.#options;
    const left = deadline - Date.now();
    // After its deadline nobody waits for an answer any more.
    if (methodTimeout < left) running.limit(methodTimeout, running.call.fail(408, `no answer within ${methodTimeout} ms`));
    else if (left < Infinity) running.limit(left, undefined);
  }

  #mayAnswer(topic: string): boolean {
    // Not even a topic name.
    if (/^$|[+#\0]/.test(topic)) return false;
    const { allowReplyTo = (name: string) => !name.startsWith('$') } = this.#options;
    return allowReplyTo(topic);
  }

  async #isAllowed(context: RpcContext): Promise<boolean> {
    const { authorize = () => true, onError } = this.#options;
    try {
      return await authorize(context.verifiedCallerId ?? context.callerId, context.method, context);
    } catch (error) {
      onError?.(error, context);
      return false;
    }
  }

  /** Who reads a stream has no deadline, only patience. */
  #context(call: IncomingCall, running: RunningCall, hasDeadline: boolean): RpcContext {
    const { method, callerId, name: callId, topic, replyTo, wire, message } = call;
    const { verifiedBy } = this.#options;
    const verifiedCallerId = message && verifiedBy ? readProperty(message, verifiedBy) : undefined;
    return {
      method,
      callerId,
      callId,
      topic,
      replyTo,
      wire,
      readInput: () => call.readParams(),
      signal: running.signal,
      ...(verifiedCallerId !== undefined && { verifiedCallerId }),
      ...(message !== undefined && { message }),
      ...(hasDeadline && message?.expiry !== undefined && { deadline: Date.now() + message.expiry * 1000 }),
    };
  }

  async #send(call: IncomingCall, answer: CallAnswer, context: RpcContext): Promise<void> {
    const { deadline } = context;
    const left = deadline === undefined ? call.message?.expiry : Math.max(1, Math.ceil((deadline - Date.now()) / 1000));
    try {
      await call.send(answer, left);
    } catch (error) {
      this.#options.onError?.(error, context);
      const isTooLarge = error instanceof MqttError && error.code === 'TOO_LARGE';
      if (isTooLarge && answer.status < 300) await this.#send(call, call.fail(500, `the answer: ${error.message}`), context);
    }
  }
}

/** `status`: unless the error has one. */
function failure(call: IncomingCall, error: unknown, status: number): CallAnswer {
  if (error instanceof RpcRemoteError) return call.fail(error.status ?? status, error.message, error.details);
  const text = error instanceof Error ? error.message || error.name : String(error);
  const issues = error instanceof MqttError && error.code === 'VALIDATION' && error.cause;
  const plain = ({ message, path = [] }: SchemaIssue) => ({ message, path: pathOf(path) });
  return call.fail(status, text, Array.isArray(issues) ? { issues: (issues as SchemaIssue[]).map(plain) } : undefined);
}
