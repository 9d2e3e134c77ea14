import type { MqttClient } from '#client/mqtt-client.ts';
import type { RpcConnection } from '#rpc/rpc-connection.ts';
import { Peer } from '#rpc/rpc-peer.ts';
import { RPCConfig } from './config.ts';
import { ErrorCode } from './error-code.ts';
import { type Codec, payloadCodec } from './json-codec.ts';
import type { MQTTClient } from './mqtt-client.ts';
import { MQTTXError, rpcError } from './mqttx-error.ts';
import { RPCRequest, type RPCResponse } from './rpc-message.ts';

/** Gets `params`; what it returns is the result, what it throws the error. May be asynchronous. */
export type RPCMethod<Params = never> = (params: Params) => unknown;

/** False, and an error, refuse the call. `callerId` is what the caller calls itself. */
export type AuthCallback = (callerId: string, method: string, request: RPCRequest) => boolean | Promise<boolean>;

export interface RPCManagerOptions {
  readonly config?: Partial<RPCConfig>;
  /** Default: everybody may call everything. */
  readonly authCallback?: AuthCallback;
  /** Default `JSONCodec`. */
  readonly codec?: Codec;
  /** Whether an answer may be sent to the topic that the caller asks for. Default: all but those that begin with `$`. */
  readonly allowReplyTo?: (topic: string) => boolean;
}

export interface RPCCallOptions {
  /** Seconds from the call to the answer. 0 and undefined: `config.defaultTimeout`. */
  readonly timeout?: number;
  readonly replyTo?: string;
}

/**
 * mqttxx's RPCManager: who uses it subscribes, and says where answers shall go.
 *
 *     const rpc = new RPCManager(client);
 *     rpc.register('get_status', async () => ({ status: 'online' }));
 *     client.subscribe('server/device_001', rpc.handleRpcMessage);
 *     const result = await rpc.call('bots/device_002', 'get_data', null, { replyTo: 'server/device_001', timeout: 5 });
 */
export class RpcDesk {
  readonly config: RPCConfig;
  readonly #client: MQTTClient;
  readonly #peer: Peer;

  constructor(client: MQTTClient, { config = {}, authCallback, codec, allowReplyTo }: RPCManagerOptions = {}) {
    this.#client = client;
    this.config = new RPCConfig(config);
    this.#peer = new Peer(connectionOf(client), {
      timeout: this.config.defaultTimeout * 1000,
      maxConcurrentCalls: this.config.maxConcurrentCalls,
      // What Python bounds is the queue before the methods; here it is what is begun.
      concurrency: client.config.messageQueueMaxsize,
      onError: (error, { method, callerId }) => client.config.logger.error(`${method}, called by ${callerId}, has failed`, error),
      ...(codec !== undefined && { codec: payloadCodec(codec) }),
      ...(allowReplyTo !== undefined && { allowReplyTo }),
      ...(authCallback !== undefined && {
        authorize: (callerId, method, { callId, replyTo, readInput }) =>
          authCallback(callerId, method, new RPCRequest({ requestId: callId, method, params: readInput(), replyTo, callerId })),
      }),
    });
  }

  /** With a function, or as a decorator: `rpc.register('get')(method)`. The last function of a name counts. */
  register<Params>(method: string): <F extends RPCMethod<Params>>(handler: F) => F;
  register<F extends RPCMethod>(method: string, handler: F): F;
  register(method: string, handler?: RPCMethod): unknown {
    const add = (given: RPCMethod): RPCMethod => {
      // `params` only, as there.
      this.#peer.register(method, (params: never) => given(params));
      return given;
    };
    return handler === undefined ? add : add(handler);
  }

  unregister(method: string): void {
    this.#peer.unregister(method);
  }

  /** Takes bytes, as subscriptions give them, and messages that are read already. Does not wait for the method that is called. */
  readonly handleRpcMessage = (topic: string, message: Uint8Array | RPCRequest | RPCResponse): void => {
    if (message instanceof Uint8Array) void this.#peer.handleMessage(topic, message);
    else this.#peer.accept(topic, message.toDict());
  };

  /**
   * Calls a method of whoever listens on `topic`. Rejects with MQTTXError NOT_CONNECTED without a connection, TypeError without `replyTo`,
   * TooManyConcurrentCallsError, RPCTimeoutError, RPCRemoteError (and its RPCMethodNotFoundError and PermissionDeniedError),
   * RPCPeerUnreachableError at once when the broker says that nobody listens, ConnectionError CONNECTION_LOST when the client ends.
   */
  async call<Result = unknown>(topic: string, method: string, params: unknown = null, options: RPCCallOptions = {}): Promise<Result> {
    const { timeout = 0, replyTo } = options;
    if (!this.#client.isConnected) throw new MQTTXError('the client is not connected', ErrorCode.NOT_CONNECTED);
    if (replyTo === undefined) throw new TypeError('replyTo is missing: where the answer shall go');
    try {
      return await this.#peer.call(topic, method, params, { timeout: timeout * 1000, replyTo, signal: this.#client.endSignal });
    } catch (error) {
      throw rpcError(error);
    }
  }
}

/**
 * mqttxx's ConventionalRPCManager: one topic, subscribed to by itself, where it is called and gets its answers.
 *
 *     const rpc = new ConventionalRPCManager(client, 'server/device_001', { config: new RPCConfig({ defaultTimeout: 5 }) });
 *     rpc.register('get_status', async () => ({ status: 'online' }));
 *     const result = await rpc.call('bots/device_002', 'get_data');
 */
export class ConventionalRpcDesk {
  readonly myTopic: string;
  readonly #desk: RpcDesk;

  constructor(client: MQTTClient, myTopic: string, options: RPCManagerOptions = {}) {
    this.myTopic = myTopic;
    this.#desk = new RpcDesk(client, options);
    client.subscribe(myTopic, this.#desk.handleRpcMessage);
  }

  get config(): RPCConfig {
    return this.#desk.config;
  }

  /** As that of RPCManager. */
  register<Params>(method: string): <F extends RPCMethod<Params>>(handler: F) => F;
  register<F extends RPCMethod>(method: string, handler: F): F;
  register(method: string, handler?: RPCMethod): unknown {
    return handler === undefined ? this.#desk.register(method) : this.#desk.register(method, handler);
  }

  unregister(method: string): void {
    this.#desk.unregister(method);
  }

  /** As that of RPCManager; `replyTo` is `myTopic` unless it is given. */
  call<Result = unknown>(topic: string, method: string, params: unknown = null, options: RPCCallOptions = {}): Promise<Result> {
    return this.#desk.call<Result>(topic, method, params, { replyTo: this.myTopic, ...options });
  }
}

/** What RPC needs of a client that may be connected later; always on mqttxx's wire. */
function connectionOf(client: MQTTClient): RpcConnection {
  const publish = async (...message: [string, never, never]) => {
    await client.granted();
    return client.raw.publish(...message);
  };
  return {
    protocolVersion: 4,
    get clientId() {
      return client.clientId;
    },
    publish: publish as MqttClient['publish'],
  };
}
