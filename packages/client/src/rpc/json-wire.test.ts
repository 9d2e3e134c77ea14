import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pythonJson } from '#topic/python-json.ts';
import { jsonFailure, jsonRequest, jsonResult, readJson, readResult } from './json-wire.ts';
import { RpcMethodNotFoundError, RpcPermissionDeniedError, RpcRemoteError } from './rpc-error.ts';

const write = (value: unknown): string => new TextDecoder().decode(pythonJson.encode(value));
const read = (text: string) => readJson(pythonJson, new TextEncoder().encode(text));
const id = '123e4567-e89b-12d3-a456-426614174000';

test('requests are written as mqttxx writes them, always with six keys', () => {
  assert.equal(
    write(
      jsonRequest({ request_id: id, method: 'get_status', params: { id: 123 }, reply_to: 'server/device_001', caller_id: 'device_002' }),
    ),
    `{"type": "rpc_request", "request_id": "${id}", "method": "get_status", "params": {"id": 123}, "reply_to": "server/device_001", "caller_id": "device_002"}`,
  );
  assert.equal(
    write(jsonRequest({ request_id: id, method: 'm', params: undefined })),
    `{"type": "rpc_request", "request_id": "${id}", "method": "m", "params": null, "reply_to": "", "caller_id": ""}`,
  );
});

test('responses have a result, which may be null, or an error, which is never empty', () => {
  assert.equal(
    write(jsonResult(id, { status: 'online' })),
    `{"type": "rpc_response", "request_id": "${id}", "result": {"status": "online"}}`,
  );
  assert.equal(write(jsonResult(id, undefined)), `{"type": "rpc_response", "request_id": "${id}", "result": null}`);
  assert.equal(
    write(jsonFailure(id, 'Permission denied')),
    `{"type": "rpc_response", "request_id": "${id}", "error": "Permission denied"}`,
  );
  assert.equal(write(jsonFailure(id, '')), `{"type": "rpc_response", "request_id": "${id}", "error": "Error"}`);
  assert.equal(
    write(jsonFailure(id, '方法未找到: x')),
    `{"type": "rpc_response", "request_id": "${id}", "error": "\\u65b9\\u6cd5\\u672a\\u627e\\u5230: x"}`,
  );
});

test('keys with defaults may lack, unknown ones are ignored', () => {
  assert.deepEqual(read('{"type": "rpc_request", "request_id": "1", "method": "m", "extra": 1}'), {
    type: 'rpc_request',
    request_id: '1',
    method: 'm',
    params: null,
    reply_to: '',
    caller_id: '',
  });
});

test('what is no call and no answer is nothing', () => {
  for (const text of [
    '',
    'null',
    '7',
    '"rpc_request"',
    '[]',
    '{}',
    '{"type": "rpc_request", "request_id": "1"}',
    '{"type": "rpc_request", "method": "m"}',
    '{"type": "rpc_response"}',
    '{"type": "event", "request_id": "1", "method": "m"}',
    '{"request_id": "1", "method": "m"}',
  ])
    assert.equal(read(text), undefined, text);
});

function result(text: string): unknown {
  const response = read(`{"type": "rpc_response", "request_id": "1"${text}}`);
  assert.ok(response?.type === 'rpc_response');
  return readResult(response);
}

test('any error but null is a failure, the empty text too', () => {
  assert.throws(() => result(', "error": ""'), RpcRemoteError);
  assert.throws(() => result(', "error": 0'), RpcRemoteError);
  assert.throws(() => result(', "result": 1, "error": {"a": 1}'), { name: 'RpcRemoteError', message: '{"a":1}' });
  assert.equal(result(', "result": 1, "error": null'), 1);
  assert.equal(result(''), null);
  assert.ok(Number.isNaN(result(', "result": NaN')));
});

test('the fixed texts are errors of their own, and remote errors all the same', () => {
  for (const [text, kind] of [
    ['Permission denied', RpcPermissionDeniedError],
    ['方法未找到: get', RpcMethodNotFoundError],
    ['No RPC handler registered for topic: x', RpcMethodNotFoundError],
  ] as const) {
    assert.throws(
      () => result(`, "error": "${text}"`),
      (error) => error instanceof kind && error instanceof RpcRemoteError && error.message === text,
    );
  }
  assert.throws(() => result(', "error": "[Errno 13] Permission denied"'), { name: 'RpcRemoteError' });
});
