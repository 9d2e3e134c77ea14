import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFormat } from './format-message.ts';
import type { Printable } from './printable.ts';

const hello: Printable = {
  topic: 'a/b',
  payload: Buffer.from('hello'),
  qos: 1,
  retain: true,
  dup: false,
  packetId: 7,
  userProperties: [],
};
const full: Printable = {
  ...hello,
  contentType: 'text/plain',
  responseTopic: 'r/t',
  correlationData: Buffer.from([0xff, 0x41]),
  userProperties: [
    ['a', 'b'],
    ['a', 'c'],
  ],
  expiry: 100,
  payloadFormatIndicator: 1,
  subscriptionIdentifier: 9,
};

function format(pattern: string, message: Printable = hello, isPretty = false): string {
  const parts: Buffer[] = [];
  const complaints: string[] = [];
  const formatter = compileFormat(pattern, { isPretty, onNotJson: (topic) => complaints.push(topic) });
  formatter(message, { put: (part) => void parts.push(Buffer.from(part as string)) });
  return Buffer.concat(parts).toString('latin1') + complaints.map((topic) => `!${topic}`).join('');
}

function formatJson(message: Printable): Record<string, unknown> {
  return JSON.parse(Buffer.from(format('%j', message), 'latin1').toString('utf8')) as Record<string, unknown>;
}

const CASES: readonly (readonly [format: string, expected: string])[] = [
  ['%t', 'a/b'],
  ['%5t|%-5t|%.2t|%5.2t|%-5.2t|%05t', '  a/b|a/b  |a/|   a/|a/   |  a/b'],
  ['%p|%8p|%-8p|%08p|%3p', 'hello|   hello|hello   |000hello|hel'],
  ['%x|%X|%4x|%12x|%-12x|%012x', '68656c6c6f|68656C6C6F|6865|  68656c6c6f|68656c6c6f  |0068656c6c6f'],
  ['%l|%3l|%03l|%-3l|%-03l', '5|  5|005|5  |5  '],
  ['%q%r%m|%3q|%3r|%4m', '117|1|1|   7'],
  ['%A|%3A|%03A|%C|%3C|%03C|%D|%E|%3E|%F|%S|%2S|%P|%R|%3R', '|   |000||   |   |||   |||  |||'],
  ['%%|@@|\\\\|\\0|\\a|\\e|\\n|\\r|\\t|\\v', '%|@|\\|\0|\x07|\x1b|\n|\r|\t|\v'],
  ['plain', 'plain'],
];

for (const [pattern, expected] of CASES) test(`-F ${JSON.stringify(pattern)}`, () => assert.equal(format(pattern), expected));

test('-F prints the properties that are there', () => {
  assert.equal(format('%C|%12C|%R|%5R|%E|%F|%S|%3S|%P', full), 'text/plain|  text/plain|r/t|  r/t|100|1|9|  9|a:b a:c');
  assert.equal(format('%D', full), '\xffA');
});

test('-F prints bytes as they are', () => assert.equal(format('%p', { ...hello, payload: Buffer.from([0, 0xff, 0x80]) }), '\0\xff\x80'));

test('-F prints moments', () => {
  assert.match(format('%I'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$/);
  assert.match(format('%U'), /^\d{10}\.\d{9}$/);
  assert.match(format('@Y-@m-@d @H:@M:@S.@N'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9}$/);
});

test('%j is JSON with the names of mosquitto_sub', () => {
  const { tst, ...rest } = formatJson(full);
  assert.match(String(tst), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z[+-]\d{4}$/);
  const properties = {
    'subscription-identifier': 9,
    'content-type': 'text/plain',
    'user-properties': { a: 'c' },
    'correlation-data': '�A',
    'payload-format-indicator': 1,
    'response-topic': 'r/t',
    'message-expiry-interval': 100,
  };
  assert.deepEqual(rest, { topic: 'a/b', qos: 1, retain: 1, payloadlen: 5, mid: 7, properties, payload: 'hello' });
});

test('%j is never invalid: an empty payload is null, one that is no UTF-8 is a list of bytes', () => {
  const payloadOf = (payload: Buffer): unknown => formatJson({ ...hello, payload })['payload'];
  assert.equal(payloadOf(Buffer.alloc(0)), null);
  assert.deepEqual(payloadOf(Buffer.from([0xff, 0])), [255, 0]);
  assert.equal(payloadOf(Buffer.from('"\\\n\0ü')), '"\\\n\0ü');
});

test('%J holds the payload as JSON, its numbers as they were written, and says so where it is none', () => {
  const text = '{"a":[1,2.50,12345678901234567890,1e400],"b":{}}';
  assert.ok(format('%J', { ...hello, payload: Buffer.from(` ${text} `) }).endsWith(`"payload":${text}}`));
  assert.equal(format('%J|'), '|!a/b');
});

test('--pretty prints JSON with tabs, and arrays on one line', () => {
  const payload = Buffer.from('{"a":[1,2.5,{"x":[[]]}],"b":{}}');
  assert.ok(
    format('%J', { ...hello, payload }, true).endsWith(
      '\t"payload":\t{\n\t\t"a":\t[1, 2.5, {\n\t\t\t\t"x":\t[[]]\n\t\t\t}],\n\t\t"b":\t{\n\t\t}\n\t}\n}',
    ),
  );
});

for (const wrong of ['%', '%5', '%-', '%z', '@', '\\', '\\q', '@Q', 'a%.'])
  test(`-F ${JSON.stringify(wrong)} is refused`, () =>
    assert.throws(() => format(wrong), /no parameter|no escape|ends in the middle|strftime/));
