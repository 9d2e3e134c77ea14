import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { MqttError } from '#base/mqtt-error.ts';
import { RpcNoRespondersError, RpcTimeoutError, RpcTooManyCallsError, remoteError } from '#rpc/rpc-error.ts';
import { brokerUrl, connectOptions } from './connect-options.ts';
import {
  AuthConfig,
  ConnectionError,
  ErrorCode,
  EventMessage,
  JSONCodec,
  MessageError,
  MQTTConfig,
  type MQTTConfigFields,
  MQTTXError,
  parseMessageFromBytes,
  PermissionDeniedError,
  ReconnectConfig,
  RPCConfig,
  RPCError,
  RPCMethodNotFoundError,
  RPCPeerUnreachableError,
  RPCRemoteError,
  RPCRequest,
  RPCResponse,
  RPCTimeoutError,
  TLSConfig,
  TooManyConcurrentCallsError,
} from './index.ts';
import { rpcError } from './mqttx-error.ts';
import { TopicLanes } from './topic-lanes.ts';

const options = (fields: Partial<MQTTConfigFields> = {}) => connectOptions(new MQTTConfig({ brokerHost: 'localhost', ...fields }));
const write = (value: unknown): string => new TextDecoder().decode(JSONCodec.encode(value));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('the defaults are those of mqttxx', () => {
  const { logger: _, ...config } = new MQTTConfig({ brokerHost: 'localhost', clientId: undefined });
  assert.deepEqual(config, {
    brokerHost: 'localhost',
    brokerPort: 1883,
    clientId: '',
    keepalive: 60,
    cleanSession: false,
    maxQueuedMessages: 0,
    maxPayloadSize: 1_048_576,
    messageQueueMaxsize: 100_000,
    numWorkers: undefined,
    tls: new TLSConfig(),
    auth: new AuthConfig(),
    reconnect: new ReconnectConfig(),
    protocol: 'auto',
  });
  assert.deepEqual(Object.assign({}, new TLSConfig()), {
    enabled: false,
    caCerts: undefined,
    certfile: undefined,
    keyfile: undefined,
    verifyMode: 'CERT_REQUIRED',
    checkHostname: true,
    serverName: undefined,
  });
  assert.deepEqual(Object.assign({}, new ReconnectConfig()), {
    enabled: true,
    interval: 5,
    maxAttempts: 0,
    backoffMultiplier: 1.5,
    maxInterval: 60,
  });
  assert.deepEqual(Object.assign({}, new RPCConfig()), { defaultTimeout: 30, maxConcurrentCalls: 100 });
  assert.deepEqual(Object.assign({}, new AuthConfig({ username: 'u' })), { username: 'u', password: undefined });
});

test('the first delay is the interval, all delays have jitter, and `enabled` is read', async () => {
  assert.deepEqual((await options()).reconnect, { minDelay: 5_000, maxDelay: 60_000, factor: 1.5 });
  assert.deepEqual((await options({ reconnect: { interval: 1, maxAttempts: 3 } })).reconnect, {
    minDelay: 1_000,
    maxDelay: 60_000,
    factor: 1.5,
    maxAttempts: 3,
  });
  assert.equal((await options({ reconnect: { enabled: false } })).reconnect, false);
});

test('without a client id the session starts clean, whatever cleanSession says', async () => {
  assert.deepEqual((await options()).session, { resume: 'never', expiry: 0 });
  assert.deepEqual((await options({ clientId: 'd' })).session, { resume: 'always', expiry: 0xffff_ffff });
  assert.deepEqual((await options({ clientId: 'd', cleanSession: true })).session, { resume: 'never', expiry: 0 });
});

test('TLS takes files and PEM; a host name that is not checked needs CERT_NONE', async (t) => {
  const directory = await tempDirectory();
  t.after(() => directory.remove());
  const caCerts = join(directory.path, 'ca.pem');
  await writeFile(caCerts, 'the authority');
  const tls = { enabled: true, caCerts, certfile: '-----BEGIN CERTIFICATE-----' };
  const made = await options({ tls, auth: { username: 'u', password: 'p' } });
  assert.deepEqual(made.tls, { rejectUnauthorized: true, ca: Buffer.from('the authority'), cert: tls.certfile });
  assert.deepEqual(made.credentials, { username: 'u', password: 'p' });
  assert.deepEqual((await options({ tls: { enabled: true, verifyMode: 'CERT_NONE' } })).tls, { rejectUnauthorized: false });
  await assert.rejects(options({ tls: { enabled: true, checkHostname: false } }), { code: 'INVALID' });
  assert.equal((await options({ tls: { caCerts } })).tls, undefined);
});

test('the URL has what the host and the port say', () => {
  assert.equal(brokerUrl(new MQTTConfig({ brokerHost: 'a.example' })), 'mqtt://a.example:1883');
  assert.equal(brokerUrl(new MQTTConfig({ brokerHost: '::1', brokerPort: 8883, tls: { enabled: true } })), 'mqtts://[::1]:8883');
});

test('errors have their numbers, their text as in Python, and their cause', () => {
  const cause = new RpcTimeoutError('slow');
  const error = rpcError(cause);
  assert.ok(error instanceof RPCTimeoutError && error instanceof RPCError && error instanceof MQTTXError);
  assert.deepEqual([error.code, String(error), error.message, error.cause], [3002, '[RPC_TIMEOUT] slow', 'slow', cause]);
  assert.equal(Object.keys(ErrorCode).length, 19);
});

test('every error of a call has its class; not found and not allowed are remote errors too', () => {
  const cases: ReadonlyArray<[Error, new (...args: never) => MQTTXError, number]> = [
    [new RpcTooManyCallsError(100), TooManyConcurrentCallsError, 3004],
    [new RpcNoRespondersError('t'), RPCPeerUnreachableError, 3007],
    [remoteError('方法未找到: x', 404, undefined), RPCMethodNotFoundError, 3001],
    [remoteError('Permission denied', 403, undefined), PermissionDeniedError, 4001],
    [remoteError('oh', undefined, undefined), RPCRemoteError, 3003],
    [new MqttError('CLOSED', 'closed'), ConnectionError, 1005],
  ];
  for (const [cause, kind, code] of cases) {
    const error = rpcError(cause);
    assert.ok(error instanceof kind, kind.name);
    assert.equal(error.code, code);
  }
  assert.ok(rpcError(cases[2][0]) instanceof RPCRemoteError && rpcError(cases[3][0]) instanceof RPCRemoteError);
  const other = new TypeError('x');
  assert.equal(rpcError(other), other);
});

test('requests and responses are written and read as in Python', () => {
  const request = new RPCRequest({ requestId: '1', method: 'get', params: { id: 1 }, replyTo: 'r', callerId: 'c' });
  const text = '{"type": "rpc_request", "request_id": "1", "method": "get", "params": {"id": 1}, "reply_to": "r", "caller_id": "c"}';
  assert.equal(write(request), text);
  assert.deepEqual(parseMessageFromBytes(bytes(text)), request);
  const failed = new RPCResponse({ requestId: '1', error: '方法未找到: x' });
  assert.equal(write(failed), '{"type": "rpc_response", "request_id": "1", "error": "\\u65b9\\u6cd5\\u672a\\u627e\\u5230: x"}');
  assert.deepEqual(parseMessageFromBytes(JSONCodec.encode(failed)), failed);
  assert.equal(write(new RPCResponse({ requestId: '1' })), '{"type": "rpc_response", "request_id": "1", "result": null}');
});

test('messages that are none say why', () => {
  for (const [text, code] of [
    ['{', ErrorCode.INVALID_JSON],
    ['null', ErrorCode.INVALID_MESSAGE_TYPE],
    ['{"type": "event"}', ErrorCode.INVALID_MESSAGE_TYPE],
    ['{"type": "rpc_request", "request_id": "1"}', ErrorCode.MISSING_REQUIRED_FIELD],
    ['{"type": "rpc_request", "method": "m"}', ErrorCode.MISSING_REQUIRED_FIELD],
    ['{"type": "rpc_response"}', ErrorCode.MISSING_REQUIRED_FIELD],
  ] as const) {
    assert.throws(
      () => parseMessageFromBytes(bytes(text)),
      (error) => error instanceof MessageError && error.code === code,
    );
  }
});

test('events are written and read as in Python', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_673_456_789_123 });
  const event = new EventMessage({ eventType: 'temperature.changed', data: { value: 25.5, unit: 'C' }, source: 'sensor_001' });
  assert.equal(
    new TextDecoder().decode(event.encode()),
    '{"type": "event", "event_type": "temperature.changed", "data": {"value": 25.5, "unit": "C"}, "timestamp": 1673456789.123, "source": "sensor_001"}',
  );
  assert.deepEqual(EventMessage.decode(event.encode()), event);
  assert.deepEqual(Object.assign({}, EventMessage.fromDict({})), {
    type: 'event',
    eventType: '',
    data: null,
    timestamp: 1_673_456_789.123,
    source: '',
  });
});

test('the codec takes objects only', () => {
  for (const value of [1, 'a', null, undefined, [1]]) assert.throws(() => JSONCodec.encode(value), TypeError);
  assert.equal(write({ a: Number.NaN, b: 2n ** 60n }), '{"a": NaN, "b": 1152921504606846976}');
});

test('what concerns one topic happens one after the other, and nothing is left behind', async () => {
  const lanes = new TopicLanes();
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = lanes.run('a', async () => {
    await promise;
    seen.push('a1');
  });
  const second = lanes.run('a', async () => void seen.push('a2'));
  await lanes.run('b', async () => void seen.push('b'));
  resolve();
  await Promise.all([first, second]);
  assert.deepEqual(seen, ['b', 'a1', 'a2']);
});
