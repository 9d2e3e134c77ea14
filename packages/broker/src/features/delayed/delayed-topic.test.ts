import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMessage, type Message } from '#message/message.ts';
import { dueAtMs, isDelayedTopic, withoutPrefix } from './delayed-topic.ts';

const nowMs = Date.UTC(2030, 0, 1);
const nowSeconds = nowMs / 1000;
const FURTHEST = 42_949_670;

function message(topic: string): Message {
  return createMessage({
    topic,
    payload: 'payload',
    qos: 2,
    retain: true,
    properties: { messageExpiryInterval: 60, contentType: 'text/plain' },
    publisher: 'p',
    receivedAtMs: nowMs,
  });
}

test('the prefix becomes a delay, and everything else stays as it was, in the same bytes', () => {
  const given = message('$delayed/15/x/grün');
  const own = withoutPrefix(given, nowMs)!;
  assert.deepEqual([own.topic, own.delay, own.qos, own.retain, own.publisher, own.receivedAtMs], ['x/grün', 15, 2, true, 'p', nowMs]);
  assert.deepEqual([own.expiresAtMs, own.isHeld, own.bytes], [nowMs + 60_000, true, given.bytes]);
  assert.equal(own.bytes.toString('utf8', own.topicStart, own.topicEnd), 'x/grün');
  assert.deepEqual([own.payload.toString(), own.properties], ['payload', given.properties]);
});

test('a message in the read buffer is copied as its real self', () => {
  const given = message('$delayed/15/x');
  given.isHeld = false;
  const own = withoutPrefix(given, nowMs)!.hold();
  assert.notEqual(own.bytes, given.bytes);
  assert.deepEqual([own.bytes.toString('utf8', own.topicStart, own.topicEnd), own.payload.toString()], ['x', 'payload']);
  assert.equal(own.bytes.readUInt32BE(own.messageExpiryAt), 60);
});

for (const [topic, delay, rest] of [
  ['$delayed/0/t', 0, 't'],
  ['$delayed/007/t', 7, 't'],
  [`$delayed/${FURTHEST - 1}/t`, FURTHEST - 1, 't'],
  [`$delayed/${nowSeconds + 5}/t`, nowSeconds + 5, 't'],
  [`$delayed/${nowSeconds - 5}/t`, nowSeconds - 5, 't'],
  [`$delayed/${nowSeconds + FURTHEST}/t`, nowSeconds + FURTHEST, 't'],
  ['$delayed/3600/$SYS/topic', 3600, '$SYS/topic'],
  ['$delayed/5//', 5, '/'],
  ['$delayed/5/$delayedness', 5, '$delayedness'],
  ['$delayed/5/a\nb', 5, 'a\nb'],
] as const) {
  test(`${JSON.stringify(topic)} is ${JSON.stringify(rest)}, later`, () => {
    const own = withoutPrefix(message(topic), nowMs);
    assert.deepEqual([own?.topic, own?.delay], [rest, delay]);
  });
}

for (const topic of [
  '$delayed/',
  '$delayed/5',
  '$delayed/5/',
  '$delayed//t',
  '$delayed/t',
  '$delayed/abc/t',
  '$delayed/-5/t',
  '$delayed/+5/t',
  '$delayed/ 5/t',
  '$delayed/5.5/t',
  '$delayed/5s/t',
  '$delayed/0x5/t',
  '$delayed/٥/t',
  '$delayed/5/a/#',
  '$delayed/5/+/a',
  '$delayed/5/$delayed/5/t',
  '$delayed/5/$delayed',
  '$delayed/5/$share/g/t',
  '$delayed/5/$queue/t',
  '$delayed/5/$exclusive/t',
  '$delayed/5/$history/end',
  '$delayed/5/$history-live/-1h/t',
  `$delayed/${FURTHEST}/t`,
  `$delayed/${nowSeconds + FURTHEST + 1}/t`,
  `$delayed/${nowSeconds - FURTHEST - 1}/t`,
  '$delayed/99999999999/t',
  '$delayed/9999999999/t',
]) {
  test(`${topic} is nothing that could be published`, () => {
    assert.equal(isDelayedTopic(topic), true);
    assert.equal(withoutPrefix(message(topic), nowMs), null);
  });
}

test('a message that has a delay gets no second one', () => {
  const own = withoutPrefix(message('$delayed/5/t'), nowMs)!;
  const again = createMessage({ topic: '$delayed/5/t', delay: own.delay, publisher: 'p', receivedAtMs: nowMs });
  assert.equal(withoutPrefix(again, nowMs), null);
});

test('only the whole prefix is one', () => {
  for (const topic of ['t', '$delayed', '$delay/5/t', '$delayedx/5/t', '/$delayed/5/t', '$SYS/delayed'])
    assert.equal(isDelayedTopic(topic), false);
});

test('a delay counts from now, or is a moment', () => {
  assert.equal(dueAtMs(FURTHEST - 1, nowMs), nowMs + (FURTHEST - 1) * 1000);
  assert.equal(dueAtMs(nowSeconds + 7, nowMs), nowMs + 7000);
  assert.equal(dueAtMs(nowSeconds - 7, nowMs), nowMs - 7000);
});
