import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Printable } from '#output/printable.ts';
import { payloadEncoder } from './encode-payload.ts';
import { compilePath } from './payload-path.ts';
import { payloadTransform } from './payload-transform.ts';
import { renderTemplate } from './render-template.ts';

const ENCODED: readonly (readonly [encoding: string, given: string, hex: string])[] = [
  ['json', '{"a": 1}', Buffer.from('{"a": 1}').toString('hex')],
  ['hex', '00 fF\n10', '00ff10'],
  ['hex', '', ''],
  ['base64', 'AP8Q', '00ff10'],
  ['base64', 'AP8\n', '00ff'],
  // RFC 8949, appendix A.
  ['cbor', '{"a":1,"b":[2,3]}', 'a26161016162820203'],
  ['cbor', '18446744073709551615', '1bffffffffffffffff'],
  ['cbor', '[1.1,null,true]', '83fb3ff199999999999af6f5'],
  // The specification of MessagePack.
  ['msgpack', '{"compact":true,"schema":0}', '82a7636f6d70616374c3a6736368656d6100'],
  ['msgpack', '9223372036854775807', 'cf7fffffffffffffff'],
];

for (const [encoding, given, hex] of ENCODED)
  test(`--encode ${encoding} makes ${hex || 'nothing'} of ${JSON.stringify(given)}`, async () => {
    const encode = await payloadEncoder(encoding);
    assert.equal(Buffer.from(encode!(Buffer.from(given))).toString('hex'), hex);
  });

const NOT_ENCODED: readonly (readonly [encoding: string, given: string])[] = [
  ['json', '{"a"'],
  ['hex', '0'],
  ['hex', 'xy'],
  ['base64', 'A'],
  ['base64', 'AB=C'],
  ['cbor', 'text'],
  ['msgpack', ''],
];

for (const [encoding, given] of NOT_ENCODED)
  test(`--encode ${encoding} refuses '${given}'`, async () => {
    const encode = await payloadEncoder(encoding);
    assert.throws(() => encode!(Buffer.from(given)), { exitCode: 2, message: new RegExp(`^wrenmq: --encode ${encoding}: `) });
  });

interface Printed {
  readonly text: string | undefined;
  readonly complaints: readonly string[];
}

async function printed(flags: { decode?: string; jq?: string }, hex: string, contentType?: string): Promise<Printed> {
  const head = { topic: 'a', retain: false, dup: false, packetId: 0 };
  const message: Printable = {
    ...head,
    qos: 0,
    userProperties: [],
    payload: Buffer.from(hex, 'hex'),
    ...(contentType === undefined ? {} : { contentType }),
  };
  const complaints: string[] = [];
  const transform = await payloadTransform(flags, (what) => complaints.push(what));
  const shown = transform(message);
  assert.equal(shown?.topic ?? 'a', 'a');
  if (shown !== undefined && shown !== message) assert.equal(shown.payloadBytes, hex.length / 2);
  return { text: shown === undefined ? undefined : Buffer.from(shown.payload).toString('latin1'), complaints };
}

const text = (value: string): string => Buffer.from(value).toString('hex');

const DECODED: readonly (readonly [
  flags: { decode?: string; jq?: string },
  hex: string,
  shown: string | undefined,
  contentType?: string,
])[] = [
  [{}, '00ff', '\x00\xff'],
  [{ decode: 'hex' }, '00ff', '00ff'],
  [{ decode: 'json' }, text('{ "a" : 1.50 }'), '{"a":1.50}'],
  [{ decode: 'cbor' }, 'a26161016162820203', '{"a":1,"b":[2,3]}'],
  [{ decode: 'cbor' }, '1bffffffffffffffff', '18446744073709551615'],
  [{ decode: 'cbor' }, 'a2014100f7c11a00000000', '{"1":"AA==","null":"1970-01-01T00:00:00.000Z"}'],
  [{ decode: 'msgpack' }, 'd37fffffffffffffff', '9223372036854775807'],
  [{ decode: 'msgpack' }, '82a161c40200ffa162c0', '{"a":"AP8=","b":null}'],
  [{ decode: 'auto' }, 'a1616101', '{"a":1}', 'application/cbor'],
  [{ decode: 'auto' }, 'a1616101', '{"a":1}', 'application/senml+cbor; charset=x'],
  [{ decode: 'auto' }, '81a16101', '{"a":1}', 'application/x-msgpack'],
  [{ decode: 'auto' }, text('{"a": 1}'), '{"a":1}', 'application/json'],
  [{ decode: 'auto' }, text('{"a": 1}'), '{"a": 1}'],
  [{ decode: 'auto' }, '00ff', '00ff'],
  [{ decode: 'sparkplug' }, '12025001', '{"metrics":[{"value":1}]}'],
  [{ decode: 'sparkplug', jq: '.metrics[0].value' }, '12025001', '1'],
  [{ jq: '.a' }, text('{"a": "text"}'), 'text'],
  [{ jq: '.a[1]' }, text('{"a": [1, 20000000000000000001]}'), '20000000000000000001'],
  [{ jq: '.b' }, text('{"a": 1}'), undefined],
  [{ jq: '.' }, text('no JSON'), undefined],
  [{ decode: 'cbor', jq: '.b[-1]' }, 'a26161016162820203', '3'],
];

for (const [flags, hex, shown, contentType] of DECODED)
  test(`${JSON.stringify(flags)} of ${hex} ${contentType ?? ''} prints ${shown}`, async () =>
    assert.deepEqual(await printed(flags, hex, contentType), { text: shown, complaints: [] }));

test('a payload that is not what it is said to be is printed as it is, with a complaint', async () => {
  for (const [decode, hex] of [
    ['json', text('{')],
    ['cbor', 'ff'],
    ['cbor', '0102'],
    ['msgpack', 'c1'],
    ['msgpack', '81'],
    ['sparkplug', text('hello')],
  ] as const) {
    const { text: shown, complaints } = await printed({ decode }, hex);
    assert.equal(shown, Buffer.from(hex, 'hex').toString('latin1'));
    assert.match(complaints.join(), new RegExp(`^the payload on a is not ${decode}: `));
  }
});

const VALUE = { a: { 'b c': [1, { d: null }], e: 'x' }, '0': 'zero' };
const PATHS: readonly (readonly [path: string, found: unknown])[] = [
  ['.', VALUE],
  ['.a.e', 'x'],
  ['.a."b c"[0]', 1],
  ['.a["b c"][-1].d', null],
  ['.["0"]', 'zero'],
  ['.0', 'zero'],
  ['.[0]', undefined],
  ['.a.e.length', undefined],
  ['.a."b c".length', undefined],
  ['.constructor', undefined],
  ['.a["b c"][7]', undefined],
];

for (const [path, found] of PATHS)
  test(`--jq ${path} finds ${JSON.stringify(found)}`, () => assert.deepEqual(compilePath(path)(VALUE), found));

for (const path of ['', 'a', '..', '.a.', '.a[', '.a[b]', '.a | .b', '.a b', '."a'])
  test(`--jq '${path}' is a usage error`, () => assert.throws(() => compilePath(path), { exitCode: 2 }));

test('a template has a count, a time, a UUID and numbers from a range', () => {
  assert.equal(renderTemplate('{{n}}/{{ n }}{"a":{"b":1}}', 7), '7/7{"a":{"b":1}}');
  assert.match(renderTemplate('{{ts}} {{uuid}}', 1), /^\d{13} [\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  const drawn = new Set(Array.from({ length: 200 }, () => renderTemplate('{{rand -1 1}}', 1)));
  assert.deepEqual([...drawn].toSorted(), ['-1', '0', '1']);
  assert.match(renderTemplate('{{rand 1.00 1.5}}', 1), /^1\.[0-5]\d$/);
  for (const wrong of ['{{x}}', '{{}}', '{{rand}}', '{{rand 2 1}}', '{{rand a b}}', '{{rand 1 2 3}}', '{{rand 0 1e300}}'])
    assert.throws(() => renderTemplate(wrong, 1), { exitCode: 2 }, wrong);
});
