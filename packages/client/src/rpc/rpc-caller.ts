import { Deque } from '#base/deque.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { json } from '#topic/payload-codecs.ts';
import { pythonJson } from '#topic/python-json.ts';
import { type Answer, type CallObserver, type CallRequest, type CallServices, OutgoingCall, type ReplyPlace } from './outgoing-call.ts';
import type { RpcConnection } from './rpc-connection.ts';
import { RpcError, RpcTooManyCallsError } from './rpc-error.ts';
import type { CallOptions, RpcClientOptions } from './rpc-options.ts';

const defaultTimeoutMs = 30_000;
const defaultConcurrentCalls = 100;
/** Items of a stream that may wait for who reads it. */
const streamWindow = 64;

export type CallTarget = Pick<CallRequest, 'topic' | 'method' | 'wire' | 'replyTo'>;

/** The calling side: counts calls and gives each its place for answers. */
export class RpcCaller {
  readonly #services: CallServices;
  readonly #timeoutMs: number;
  readonly #callsMax: number;
  #calls = 0;

  constructor(
    connection: RpcConnection,
    options: RpcClientOptions,
    place: (request: CallRequest, jsonCodec: PayloadCodec) => Promise<ReplyPlace>,
  ) {
    const codec = options.codec ?? json;
    const jsonCodec = options.codec ?? pythonJson;
    this.#services = { connection, codec, jsonCodec, place: (request) => place(request, jsonCodec) };
    this.#timeoutMs = options.timeout || defaultTimeoutMs;
    this.#callsMax = options.maxConcurrentCalls ?? defaultConcurrentCalls;
  }

  /** The one answer, undefined when there is none but success. */
  call(target: CallTarget, params: unknown, options: CallOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: OutgoingCall = this.#open(this.#request(target, params, options), {
        onAnswer(answer) {
          call.end();
          resolve(read(answer));
        },
        onFailure: reject,
      });
    });
  }

  /** The answers as they come; the call begins when the first is asked for. Leaving the loop cancels it. */
  async *stream(target: CallTarget, params: unknown, options: CallOptions = {}): AsyncGenerator<unknown, void, undefined> {
    const waiting = new Deque<Answer>();
    let failure: Error | undefined;
    let wake = (): void => {};
    let received = 0;
    const call: OutgoingCall = this.#open(
      { ...this.#request(target, params, options), credit: streamWindow },
      {
        onAnswer(answer) {
          // Repetitions of QoS 1 come after the item itself, so nothing but a loss makes a gap.
          if (answer.isAlive || (answer.sequence ?? received) < received) return;
          if (answer.sequence !== undefined && answer.sequence > received) return call.fail(new RpcError('items of the stream were lost'));
          if (waiting.length > streamWindow) return call.fail(new RpcError('the responder sends more than it may'));
          received += 1;
          waiting.push(answer);
          if (isLast(answer)) call.end();
          wake();
        },
        onFailure(error) {
          failure = error;
          wake();
        },
      },
    );
    try {
      for (let taken = 1; ; taken += 1) {
        while (failure === undefined && waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        if (failure !== undefined && (waiting.length === 0 || options.signal?.aborted)) throw failure;
        const answer = waiting.shift()!;
        const value = answer.read();
        if (answer.isEnd) return;
        yield value;
        if (isLast(answer)) return;
        if (taken % (streamWindow / 2) === 0) call.grant(taken + streamWindow);
      }
    } finally {
      call.cancel();
    }
  }

  #request(target: CallTarget, params: unknown, options: CallOptions): CallRequest {
    return { ...target, params, options, timeout: options.timeout || this.#timeoutMs };
  }

  #open(request: CallRequest, observer: Omit<CallObserver, 'onEnd'>): OutgoingCall {
    if (this.#calls >= this.#callsMax) throw new RpcTooManyCallsError(this.#callsMax);
    this.#calls += 1;
    return new OutgoingCall(this.#services, request, { ...observer, onEnd: () => (this.#calls -= 1) });
  }
}

/** A promise, since it throws what the responder says. */
async function read(answer: Answer): Promise<unknown> {
  return answer.read();
}

/** The end of a stream, which is no item, or the only answer of a method that is none. */
function isLast(answer: Answer): boolean {
  return answer.isEnd || answer.sequence === undefined;
}
