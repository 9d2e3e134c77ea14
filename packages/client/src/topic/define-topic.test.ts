import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '#base/mqtt-error.ts';
import type { SchemaResult, StandardSchema } from '#base/standard-schema.ts';
import { defineTopic } from './define-topic.ts';
import { bytes, text } from './payload-codecs.ts';
import { TopicPattern } from './topic-pattern.ts';

const isCode = (code: string) => (error: unknown) => error instanceof MqttError && error.code === code;

interface Reading {
  readonly value: number;
  readonly unit: string;
}

/** Fills in a unit, as schemas do. */
function readingSchema(isAsync: boolean): StandardSchema<{ value: number; unit?: string }, Reading> {
  const validate = (given: unknown): SchemaResult<Reading> => {
    const { value, unit = 'C' } = given as { value: unknown; unit?: string };
    if (typeof value !== 'number') return { issues: [{ message: 'not a number', path: ['value', { key: 0 }] }, { message: 'wrong' }] };
    return { value: { value, unit } };
  };
  return {
    '~standard': { version: 1, vendor: 'test', validate: (value) => (isAsync ? Promise.resolve(validate(value)) : validate(value)) },
  };
}

test('names stand for one level, and for the rest at the end', () => {
  const topic = defineTopic('sensors/{room}/+/{rest...}');
  assert.equal(topic.filter, 'sensors/+/+/#');
  assert.deepEqual(topic.match('sensors/r1/x/a/b'), { room: 'r1', rest: 'a/b' });
  assert.deepEqual(topic.match('sensors/r1/x'), { room: 'r1', rest: '' });
  assert.equal(topic.match('sensors/r1'), undefined);
  assert.equal(defineTopic('a/{b}')({ b: 'c d' }).topic, 'a/c d');
  assert.equal(defineTopic('a/{b...}')({ b: 'c/d' }).topic, 'a/c/d');
});

test('braces that are not a whole level are letters', () => {
  assert.equal(defineTopic('a/x{b}').filter, 'a/x{b}');
});

test('parameters that would make another topic are refused', () => {
  const topic = defineTopic('a/{b}/c');
  for (const b of ['', 'x/y', '+', 'a#']) assert.throws(() => topic({ b }), isCode('INVALID'), b);
  assert.throws(() => defineTopic('a/{b...}/c'), isCode('INVALID'));
});

test('a shared pattern finds its parameters in the topic itself', () => {
  const pattern = new TopicPattern('a/{b}/{c...}', 'group');
  assert.equal(pattern.filter, '$share/group/a/+/#');
  assert.ok(pattern.matches('a/1/2'));
  assert.deepEqual(pattern.params('a/1/2/3'), { b: '1', c: '2/3' });
  assert.deepEqual(new TopicPattern('$share/g/{x}').params('y'), { x: 'y' });
});

test('values are validated on their way out and in', async () => {
  for (const isAsync of [false, true]) {
    const topic = defineTopic('a/{b}', { schema: readingSchema(isAsync), qos: 1, retain: true });
    const concrete = topic({ b: 'x' });
    assert.deepEqual([concrete.topic, concrete.qos, concrete.retain], ['a/x', 1, true]);
    const payload = await concrete.encode({ value: 3 });
    assert.equal(text.decode(payload), '{"value":3,"unit":"C"}');
    assert.deepEqual(await topic.decode(text.encode('{"value":4}')), { value: 4, unit: 'C' });
    await assert.rejects(async () => concrete.encode({ value: 'x' } as never), {
      code: 'VALIDATION',
      message: 'value.0: not a number; wrong',
    });
    await assert.rejects(async () => topic.decode(text.encode('{"value":"x"}')), isCode('VALIDATION'));
  }
});

test('a payload that the codec cannot read is a VALIDATION error', () => {
  assert.throws(() => defineTopic('a').decode(text.encode('{')), isCode('VALIDATION'));
});

test('codecs give back what they were given', () => {
  const letters = defineTopic('a', { codec: text });
  assert.equal(letters.decode(text.encode('\uFEFFä')), '\uFEFFä');
  const raw = new Uint8Array([1, 2]);
  assert.equal(defineTopic('a', { codec: bytes }).decode(raw), raw);
  assert.equal(text.decode(defineTopic('a')({}).encode(undefined) as Uint8Array), 'null');
});
