export type { PayloadCodec } from '#topic/payload-codec.ts';
export { createPythonJson, pythonJson, type PythonJsonOptions } from '#topic/python-json.ts';
export { defineRpc } from './rpc-contract.ts';
export type { RpcContract, RpcMethod, RpcMethods, RpcProxy } from './rpc-contract.ts';
export type { RpcContext, RpcWire } from './rpc-context.ts';
export {
  RpcError,
  RpcMethodNotFoundError,
  RpcNoRespondersError,
  RpcPermissionDeniedError,
  RpcRemoteError,
  type RpcRemoteErrorOptions,
  RpcTimeoutError,
  RpcTooManyCallsError,
} from './rpc-error.ts';
export type { CallOptions, RpcClientOptions, RpcOptions, RpcResponderOptions, RpcWireOptions, ServeRpcOptions } from './rpc-options.ts';
export { rpcClient } from './rpc-client.ts';
export { rpcPeer } from './rpc-peer.ts';
export type { PeerCallOptions, PeerMethod, RpcPeer, RpcPeerOptions } from './rpc-peer.ts';
export { serveRpc } from './serve-rpc.ts';
