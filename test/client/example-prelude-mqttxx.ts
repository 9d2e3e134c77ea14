/** What the examples of mqttxx's names take for granted. */
import { connect } from '@wrenmq/client';
import * as mqttxx from '@wrenmq/client/mqttxx';
import { rpcPeer } from '@wrenmq/client/rpc';

const {
  AuthConfig,
  ConnectionError,
  ConventionalRPCManager,
  ErrorCode,
  EventChannelManager,
  EventMessage,
  eventSubscribe,
  JSONCodec,
  MessageError,
  MQTTClient,
  MQTTConfig,
  MQTTXError,
  parseMessageFromBytes,
  PermissionDeniedError,
  ReconnectConfig,
  RPCConfig,
  RPCError,
  RPCManager,
  RPCMethodNotFoundError,
  RPCPeerUnreachableError,
  RPCRemoteError,
  RPCRequest,
  RPCResponse,
  RPCTimeoutError,
  TLSConfig,
  TooManyConcurrentCallsError,
} = mqttxx;
const url = new URL('mqtt://localhost:1883');
const peer = await rpcPeer(await connect(url), { topic: 'bots/device_002' });
peer.register('get_data', () => ({ value: 1 }));
const client = new MQTTClient({ brokerHost: url.hostname, brokerPort: Number(url.port), clientId: 'example' });
await client.connect();
// Whatever an example does not use is used here.
export const given = [
  [client, AuthConfig, ConnectionError, ConventionalRPCManager, ErrorCode, EventChannelManager, EventMessage, eventSubscribe, JSONCodec],
  [MessageError, MQTTConfig, MQTTXError, parseMessageFromBytes, PermissionDeniedError, ReconnectConfig, RPCConfig, RPCError, RPCManager],
  [RPCMethodNotFoundError, RPCPeerUnreachableError, RPCRemoteError, RPCRequest, RPCResponse, RPCTimeoutError, TLSConfig],
  [TooManyConcurrentCallsError],
];

{
  /* the example */
}
process.exit(0);
