import type { MqttClient, Registration } from '#client/mqtt-client.ts';
import { listenForCalls } from './listen-for-calls.ts';
import type { RpcContract, RpcMethods } from './rpc-contract.ts';
import type { ServeRpcOptions } from './rpc-options.ts';
import { RpcResponder, type ServedMethod } from './rpc-responder.ts';

/**
 * Answers the calls to `{topic}/{method}` (MQTT 5) and those of mqttxx to `topic`. Responders on the same topic share the calls.
 *
 *     await using served = await serveRpc(client, 'device/123', deviceApi, {
 *       getStatus: async () => ({ online: true }),
 *       tail: async function* (input, { signal }) { while (!signal.aborted) yield 'a line'; },
 *     });
 *
 * Resolves when the broker has granted the subscriptions; rejects with MqttError when it refuses. `remove()` takes no new call, ends
 * streams and waits for the methods that run.
 */
export async function serveRpc<C extends RpcContract>(
  client: MqttClient,
  topic: string,
  contract: C,
  ...[methods, options = {}]: [methods: RpcMethods<C>, options?: ServeRpcOptions]
): Promise<Registration> {
  const find = (name: string): ServedMethod | undefined =>
    Object.hasOwn(contract, name) ? { ...contract[name], run: methods[name] as ServedMethod['run'] } : undefined;
  const responder = new RpcResponder(options, find);
  const { wire = 'auto', share = 'rpc', codec } = options;
  return listenForCalls(client, responder, { topic, wire, share, codec });
}
