import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPythonJson, pythonJson } from './python-json.ts';

const write = (value: unknown): string => new TextDecoder().decode(pythonJson.encode(value));
const read = (text: string, codec = pythonJson): unknown => codec.decode(new TextEncoder().encode(text));

// What Python 3.11 gave for the same values: json.dumps(value).
const golden: ReadonlyArray<[unknown, string]> = [
  [{ type: 'rpc_request', params: { id: 123 } }, '{"type": "rpc_request", "params": {"id": 123}}'],
  [[1, [], {}, 'a'], '[1, [], {}, "a"]'],
  ['方法未找到: x', '"\\u65b9\\u6cd5\\u672a\\u627e\\u5230: x"'],
  ['😀é\u007f\u0000\b\f\n\r\t"\\/', '"\\ud83d\\ude00\\u00e9\\u007f\\u0000\\b\\f\\n\\r\\t\\"\\\\/"'],
  ['\ud800', '"\\ud800"'],
  [[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], '[NaN, Infinity, -Infinity]'],
  [
    [0, -0, 1.5, 25.5, 1e-4, 1e-5, 1.25e-7, 1e-10, 1e21, 1.5e300, 5e-324],
    '[0, -0.0, 1.5, 25.5, 0.0001, 1e-05, 1.25e-07, 1e-10, 1e+21, 1.5e+300, 5e-324]',
  ],
  [[true, false, null], '[true, false, null]'],
  [12345678901234567890n, '12345678901234567890'],
];

test('values are written byte for byte as Python writes them', () => {
  for (const [value, text] of golden) assert.equal(write(value), text);
});

test('what only JavaScript has is written as its JSON has it', () => {
  assert.equal(write(undefined), 'null');
  assert.equal(write({ a: undefined, b: [undefined] }), '{"b": [null]}');
  assert.equal(write(new Date(0)), '"1970-01-01T00:00:00.000Z"');
  assert.throws(() => write({ a: () => {} }), TypeError);
  const own: Record<string, unknown> = {};
  own.self = own;
  assert.throws(() => write(own), RangeError);
});

test('what Python writes and JSON does not have is read', () => {
  assert.deepEqual(read('{"a": NaN, "b": [Infinity, -Infinity], "NaN": "NaN, \\"Infinity"}'), {
    a: Number.NaN,
    b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    NaN: 'NaN, "Infinity',
  });
  for (const text of ['', 'NaN NaN', '{"a": NaN', '"NaN', '{NaN: 1}', '[Infinity\\', 'xNaN']) assert.throws(() => read(text), SyntaxError);
});

test('integers beyond 2^53 are rounded, or BigInt', () => {
  const text = '[9007199254740993, 9007199254740991, -12345678901234567890, 1.2345678901234567890, 1e20, "9007199254740993", NaN]';
  assert.deepEqual(read(text), [2 ** 53, 2 ** 53 - 1, -12345678901234567000, 1.2345678901234567, 1e20, '9007199254740993', Number.NaN]);
  assert.deepEqual(read(text, createPythonJson({ bigIntegers: true })), [
    9007199254740993n,
    9007199254740991,
    -12345678901234567890n,
    1.2345678901234567,
    1e20,
    '9007199254740993',
    Number.NaN,
  ]);
});

test('a text full of quotes is read in one go', { timeout: 5_000 }, () => {
  assert.throws(() => read(`NaN "${'\\"'.repeat(500_000)}`), SyntaxError);
});

test('what is written is read again, by JSON.parse too', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      assert.deepEqual(JSON.parse(JSON.stringify(read(write(plain)))), plain);
      assert.deepEqual(JSON.parse(write(plain)), read(write(plain)));
    }),
  );
});
