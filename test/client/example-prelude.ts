/**
 * What the examples of docstrings take for granted: a connected client, others who answer, and, as Node.js has no IndexedDB, one in memory.
 * The example takes the place of the comment in the block at the end.
 */
import { mkdtempSync } from 'node:fs';
import 'fake-indexeddb/auto';
import { bytes, connect, createClient, defineTopic, json, memoryStore, MqttError, publishOnce, receive, text } from '@wrenmq/client';
import { event, eventChannel } from '@wrenmq/client/events';
import {
  createPythonJson,
  defineRpc,
  pythonJson,
  rpcClient,
  RpcError,
  RpcMethodNotFoundError,
  RpcNoRespondersError,
  rpcPeer,
  RpcPermissionDeniedError,
  RpcRemoteError,
  RpcTimeoutError,
  RpcTooManyCallsError,
  serveRpc,
} from '@wrenmq/client/rpc';
import { fileStore } from '@wrenmq/client/store/file';
import { indexedDbStore } from '@wrenmq/client/store/indexeddb';
import { z } from 'zod';

const url = 'mqtt://localhost:1883';
const { signal } = new AbortController();
const save = async (...values: unknown[]): Promise<void> => console.log(...values);
const Reading = z.object({ value: z.number() });
const deviceApi = defineRpc({ getStatus: { output: z.object({ online: z.boolean() }) }, tail: { output: z.string(), stream: true } });

const other = await connect(url);
await serveRpc(other, 'device/123', deviceApi, {
  getStatus: async () => ({ online: true }),
  tail: async function* () {
    yield 'line';
  },
});
await publishOnce(url, 'presence/pump-1', 'online', { retain: true });
for (const [topic, method] of [
  ['cloud/config-service', 'get_device_config'],
  ['bots/device_002', 'get_data'],
]) {
  const peer = await rpcPeer(await connect(url), { topic });
  peer.register(method, () => ({ interval: 1 }));
}
await other.handle('clock/now', async (question) => void (await question.respond(new Date().toISOString())));
const client = await connect(url);
// Whatever an example does not use is used here.
export const given = [
  [createClient, defineTopic, receive, event, eventChannel, rpcClient, signal, save, Reading, client],
  [bytes, json, text, memoryStore, MqttError, mkdtempSync, fileStore, indexedDbStore],
  [createPythonJson, pythonJson, RpcError, RpcMethodNotFoundError, RpcNoRespondersError, RpcPermissionDeniedError],
  [RpcRemoteError, RpcTimeoutError, RpcTooManyCallsError],
];

{
  /* the example */
}
process.exit(0);
