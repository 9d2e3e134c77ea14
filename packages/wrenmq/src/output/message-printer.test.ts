import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PrintFlags } from '#message/print-flags.ts';
import { messagePrinter } from './message-printer.ts';
import type { Printable } from './printable.ts';

const message: Printable = { topic: 'a', payload: Buffer.from('hi'), qos: 0, retain: false, dup: false, packetId: 0, userProperties: [] };

function print(flags: PrintFlags, payload = 'hi'): string {
  const parts: Buffer[] = [];
  const sink = { put: (part: string | Uint8Array) => void parts.push(Buffer.from(part as string)) };
  messagePrinter(flags, () => {})({ ...message, payload: Buffer.from(payload, 'latin1') }, sink);
  return Buffer.concat(parts).toString('latin1');
}

const CASES: readonly (readonly [flags: PrintFlags, payload: string, expected: string])[] = [
  [{}, 'hi', 'hi\n'],
  [{}, '', ''],
  [{ eol: false }, 'hi', 'hi'],
  [{ verbose: true }, 'hi', 'a hi\n'],
  [{ verbose: true }, '', 'a (null)\n'],
  [{ verbose: true, eol: false }, 'hi', 'a hi'],
  [{ verbose: true, eol: false }, '', ''],
  [{ format: '%t=%p', verbose: true }, 'hi', 'a=hi\n'],
  [{ format: '%p', eol: false }, 'hi', 'hi'],
];

for (const [flags, payload, expected] of CASES)
  test(`${JSON.stringify(flags)} with the payload '${payload}'`, () => assert.equal(print(flags, payload), expected));

test('--json is a line of JSON that says how the payload is written', () => {
  const line = (payload: string): unknown => {
    const { ts, ...rest } = JSON.parse(print({ json: true }, payload)) as Record<string, unknown>;
    assert.match(String(ts), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    return rest;
  };
  const head = { topic: 'a', qos: 0, retain: false, dup: false };
  assert.deepEqual(line('hi'), { ...head, encoding: 'utf8', payload: 'hi', size: 2 });
  assert.deepEqual(line('{"t":1}'), { ...head, encoding: 'json', payload: { t: 1 }, size: 7 });
  assert.deepEqual(line('{"t"'), { ...head, encoding: 'utf8', payload: '{"t"', size: 4 });
  assert.deepEqual(line('\xff'), { ...head, encoding: 'base64', payload: '/w==', size: 1 });
  assert.deepEqual(line(''), { ...head, encoding: 'utf8', payload: '', size: 0 });
});

test('a wrong format is a usage error', () => assert.throws(() => messagePrinter({ format: '%z' }, () => {}), { exitCode: 2 }));
