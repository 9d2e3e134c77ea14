import type { MqttClient } from '#client/mqtt-client.ts';
import { check } from '#topic/define-topic.ts';
import { ReplyInbox } from './reply-inbox.ts';
import { type CallTarget, RpcCaller } from './rpc-caller.ts';
import type { RpcContract, RpcMethod, RpcProxy } from './rpc-contract.ts';
import type { CallOptions, RpcClientOptions } from './rpc-options.ts';

/**
 * Functions that call the methods of a contract at whoever serves it on `topic`.
 *
 *     const device = rpcClient(client, 'device/123', deviceApi, { timeout: 5_000 });
 *     const { online } = await device.getStatus({});
 *     for await (const line of device.tail({}, { signal })) console.log(line);
 *
 * They reject with RpcNoRespondersError at once when nobody serves it and the broker says so, RpcTimeoutError, RpcRemoteError (and its
 * RpcMethodNotFoundError and RpcPermissionDeniedError) with what the responder said, RpcTooManyCallsError, MqttError VALIDATION when the
 * answer does not fit its schema, ABORTED by `signal`, and what the connection did.
 */
export function rpcClient<C extends RpcContract>(
  client: MqttClient,
  topic: string,
  contract: C,
  options: RpcClientOptions = {},
): RpcProxy<C> {
  const caller = new RpcCaller(client, options, (_request, jsonCodec) => ReplyInbox.of(client, jsonCodec, options.responseTopic));
  const wire = options.wire === 'mqttxx' ? 'mqttxx' : 'mqtt5';
  const functions = Object.entries(contract).map(([method, { output, stream }]) => {
    const target: CallTarget = { topic, method, wire };
    const call = async (input: unknown, own?: CallOptions) => check(output, await caller.call(target, input, own));
    const open = (input: unknown, own?: CallOptions) => acceptAll(output, caller.stream(target, input, own));
    return [method, stream ? open : call];
  });
  return Object.fromEntries(functions) as RpcProxy<C>;
}

async function* acceptAll(schema: RpcMethod['output'], values: AsyncIterable<unknown>): AsyncGenerator {
  for await (const value of values) yield await check(schema, value);
}
