import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '@wrenmq/codec';
import { silentLogger } from '#base/logger.ts';
import { Counters } from '#base/counters.ts';
import { Hooks } from '#hooks/hooks.ts';
import { Router } from '#publish/router.ts';
import { shareServices } from '#publish/test-house.ts';
import { everything } from './test-house.ts';
import { TopicDirectory } from './topic-directory.ts';

function create() {
  const router = new Router(shareServices({ hooks: new Hooks(silentLogger), counters: new Counters() }));
  const directory = new TopicDirectory(router, everything);
  const lookUp = (name: string) => {
    const bytes = Buffer.from(`<<${name}>>`);
    return directory.lookUp(bytes, 2, bytes.length - 2);
  };
  return { router, directory, lookUp };
}

test('a topic that was seen before is the same object', () => {
  const { lookUp } = create();
  const first = lookUp('a/b');
  assert.deepEqual([first.name, first.error], ['a/b', null]);
  assert.equal(lookUp('a/b'), first);
  assert.notEqual(lookUp('a/c'), first);
});

test('names are told apart by their bytes, whatever their characters', () => {
  const { lookUp } = create();
  const names = ['é', 'e', 'Ã©', '中', '😀', 'a/é'];
  for (const name of names) assert.equal(lookUp(name).name, name);
  assert.equal(new Set(names.map((name) => lookUp(name))).size, names.length);
});

test('an invalid name is known with what is wrong with it', () => {
  const { lookUp } = create();
  assert.match(String(lookUp('a/+').error), /wildcard/);
  assert.match(String(lookUp('a/'.repeat(8)).error), /9 levels/);
  assert.match(String(lookUp('x'.repeat(1001)).error), /1000 bytes/);
});

test('bytes that are no UTF-8 are refused [MQTT-1.5.4-1], each time', () => {
  const { directory } = create();
  for (let time = 0; time < 2; time += 1) {
    assert.throws(() => directory.lookUp(Buffer.from([0x61, 0xff]), 0, 2), ProtocolError);
  }
});

test('equals compares bytes at their place', () => {
  const { lookUp } = create();
  const topic = lookUp('a/b');
  const bytes = Buffer.from('xxa/bxx');
  assert.equal(topic.equals(bytes, 2, 5), true);
  assert.equal(topic.equals(bytes, 2, 6), false);
  assert.equal(topic.equals(bytes, 1, 4), false);
});

test('the bytes that a topic keeps are its own', () => {
  const { directory } = create();
  const read = Buffer.from('a/b');
  const topic = directory.lookUp(read, 0, 3);
  read.fill('?');
  assert.equal(topic.equals(Buffer.from('a/b'), 0, 3), true);
});

test('the route is that of now', () => {
  const { router, lookUp } = create();
  const topic = lookUp('a');
  const before = topic.route;
  assert.equal(topic.route, before);
  router.route('b');
  router.invalidate();
  assert.notEqual(topic.route, before);
  assert.equal(topic.route.isCurrent, true);
});

test('what is remembered is bounded, and a long name is not remembered', () => {
  const { lookUp } = create();
  const first = lookUp('first');
  for (let number = 0; number < 16_384; number += 1) lookUp(`topic/${number}`);
  assert.notEqual(lookUp('first'), first);
  const long = 'x'.repeat(300);
  assert.notEqual(lookUp(long), lookUp(long));
});
