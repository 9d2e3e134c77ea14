export { AuthConfig, MQTTConfig, ReconnectConfig, RPCConfig, TLSConfig } from './config.ts';
export type { Logger, MQTTConfigFields, PemSource } from './config.ts';
export { ErrorCode } from './error-code.ts';
// The last word of these names says nothing; but they are those of Python.
export { EventDesk as EventChannelManager, eventSubscribe } from './event-channel-manager.ts';
export type { EventChannelManagerOptions, EventHandler } from './event-channel-manager.ts';
export { EventMessage } from './event-message.ts';
export type { EventMessageFields } from './event-message.ts';
export { JSONCodec } from './json-codec.ts';
export type { Codec } from './json-codec.ts';
export { MQTTClient } from './mqtt-client.ts';
export type { MessageHandler } from './mqtt-client.ts';
export {
  ConnectionError,
  MessageError,
  MQTTXError,
  PermissionDeniedError,
  RPCError,
  RPCMethodNotFoundError,
  RPCPeerUnreachableError,
  RPCRemoteError,
  RPCTimeoutError,
  TooManyConcurrentCallsError,
} from './mqttx-error.ts';
export { ConventionalRpcDesk as ConventionalRPCManager, RpcDesk as RPCManager } from './rpc-manager.ts';
export type { AuthCallback, RPCCallOptions, RPCManagerOptions, RPCMethod } from './rpc-manager.ts';
export { parseMessageFromBytes, RPCRequest, RPCResponse } from './rpc-message.ts';
export type { RPCRequestFields, RPCResponseFields } from './rpc-message.ts';
