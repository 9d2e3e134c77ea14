import { MqttError } from '#base/mqtt-error.ts';
import type { MqttClient, Registration } from '#client/mqtt-client.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';
import { pythonJson } from '#topic/python-json.ts';
import { jsonCall } from './incoming-call.ts';
import { type JsonRequest, type JsonResponse, readJson } from './json-wire.ts';
import { listenForCalls } from './listen-for-calls.ts';
import { ReplyInbox } from './reply-inbox.ts';
import { RpcCaller } from './rpc-caller.ts';
import type { RpcConnection } from './rpc-connection.ts';
import type { RpcContext } from './rpc-context.ts';
import type { CallOptions, RpcOptions } from './rpc-options.ts';
import { RpcResponder, type ServedMethod } from './rpc-responder.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** Gets `params`; what it returns, or its promise gives, is the result. */
export type PeerMethod<Params> = (params: Params, context: RpcContext) => unknown;

export interface PeerCallOptions extends CallOptions {
  /** Where the answer shall go. Default: the peer's topic. Who gives another one hands what arrives there to `handleMessage`. */
  readonly replyTo?: string;
}

/** Who calls and is called on one topic, without a contract, as mqttxx's RPCManager. */
export interface RpcPeer extends AsyncDisposable {
  readonly topic: string | undefined;
  /** The last function of a name counts. @returns what takes it away again. */
  register<Params = unknown>(method: string, handler: PeerMethod<Params>): () => void;
  unregister(method: string): void;
  /** Rejects as the functions of `rpcClient`. */
  call<Result = unknown>(topic: string, method: string, params?: unknown, options?: PeerCallOptions): Promise<Result>;
  /** Takes a message of mqttxx's wire that arrived at a subscription of your own. Does not wait for the method that it calls. */
  handleMessage(topic: string, payload: Uint8Array): Promise<void>;
}

export interface RpcPeerOptions extends RpcOptions {
  /** Where it is called, and gets its answers. Default: nobody can call it, and answers arrive at the client's response topic. */
  readonly topic?: string;
}

/**
 * A peer of Python services that run mqttxx.
 *
 *     await using peer = await rpcPeer(client, { topic: 'edge/device_123' });
 *     peer.register('get_status', async () => ({ status: 'online' }));
 *     const config = await peer.call('cloud/config-service', 'get_device_config');
 *
 * Resolves when the broker has granted the subscription; rejects with MqttError when it refuses.
 */
export async function rpcPeer(client: MqttClient, options: RpcPeerOptions = {}): Promise<RpcPeer> {
  const { topic, wire = 'mqttxx', codec } = options;
  const peer = new Peer(client, options, (jsonCodec) => ReplyInbox.of(client, jsonCodec, options.responseTopic));
  if (topic !== undefined)
    peer.listener = await listenForCalls(client, peer.responder, { topic, wire, share: '', codec, onResponse: peer.onResponse });
  return peer;
}

/** A peer that is given what arrives. */
export class Peer implements RpcPeer {
  readonly topic: string | undefined;
  readonly responder: RpcResponder;
  listener: Registration | undefined;
  readonly #connection: RpcConnection;
  readonly #wire: 'mqtt5' | 'mqttxx';
  readonly #codec: PayloadCodec;
  readonly #caller: RpcCaller;
  readonly #methods = new Map<string, ServedMethod>();
  readonly #calls = new WaitingCalls();

  constructor(connection: RpcConnection, options: RpcPeerOptions, inbox?: (jsonCodec: PayloadCodec) => Promise<ReplyInbox>) {
    this.topic = options.topic;
    this.#connection = connection;
    this.#wire = options.wire === 'mqtt5' ? 'mqtt5' : 'mqttxx';
    this.#codec = options.codec ?? pythonJson;
    this.responder = new RpcResponder(options, (name) => this.#methods.get(name));
    this.#caller = new RpcCaller(connection, options, async ({ replyTo }, jsonCodec) => {
      if (replyTo !== undefined) return { topic: replyTo, calls: this.#calls };
      if (inbox !== undefined) return inbox(jsonCodec);
      throw new MqttError('INVALID', 'there is no place for the answer: give the peer a topic, or the call a replyTo');
    });
  }

  /** An answer that arrived, whoever read it. */
  readonly onResponse = (response: JsonResponse): void => void this.#calls.offerResponse(response);

  register<Params>(method: string, handler: PeerMethod<Params>): () => void {
    const served: ServedMethod = { run: handler };
    this.#methods.set(method, served);
    return () => {
      if (this.#methods.get(method) === served) this.#methods.delete(method);
    };
  }

  unregister(method: string): void {
    this.#methods.delete(method);
  }

  async call<Result>(
    topic: string,
    method: string,
    params?: unknown,
    { replyTo = this.topic, ...options }: PeerCallOptions = {},
  ): Promise<Result> {
    const isJson = this.#wire === 'mqttxx' || this.#connection.protocolVersion < 5;
    const target = { topic, method, wire: this.#wire, ...(isJson && { replyTo }) };
    return (await this.#caller.call(target, params, options)) as Result;
  }

  async handleMessage(topic: string, payload: Uint8Array): Promise<void> {
    const content = readJson(this.#codec, payload);
    if (content !== undefined) this.accept(topic, content);
  }

  accept(topic: string, content: JsonRequest | JsonResponse): void {
    if (content.type === 'rpc_response') this.onResponse(content);
    else this.responder.accept(jsonCall(this.#connection, this.#codec, content, { topic }), () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.listener === undefined ? this.responder.drain() : this.listener.remove());
  }
}
