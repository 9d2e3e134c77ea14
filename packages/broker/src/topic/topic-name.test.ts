import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSystemTopic, TOPIC_BYTES_MAX, topicNameError } from './topic-name.ts';

test('a topic name may have empty levels, spaces, any case and a dollar sign [MQTT-4.7.3-4]', () => {
  for (const topic of ['a', '/', 'a/', '//', ' ', 'A/a', '$SYS/x', '$', 'é/日本/🙂']) assert.equal(topicNameError(topic, 10), null, topic);
});

test('a topic name has at least one character [MQTT-4.7.3-1]', () => {
  assert.equal(topicNameError('', 10), 'is empty');
});

test('a topic name contains no wildcard [MQTT-3.3.2-2]', () => {
  for (const topic of ['+', '#', 'a/+', 'a/#', 'a+b', 'a#']) assert.equal(topicNameError(topic, 10), 'contains a wildcard', topic);
});

test('a topic name contains no U+0000 [MQTT-4.7.3-2]', () => {
  assert.equal(topicNameError('a\0b', 10), 'contains U+0000');
});

test('a topic name is at most 65,535 bytes of UTF-8 long [MQTT-4.7.3-3]', () => {
  assert.equal(topicNameError('a'.repeat(TOPIC_BYTES_MAX), 10), null);
  assert.equal(topicNameError('a'.repeat(TOPIC_BYTES_MAX + 1), 10), 'is longer than 65535 bytes');
  assert.equal(topicNameError('é'.repeat(32_767), 10), null);
  assert.equal(topicNameError('é'.repeat(32_768), 10), 'is longer than 65535 bytes');
});

test('a topic name contains no lone surrogate [MQTT-1.5.4-1]', () => {
  assert.equal(topicNameError('a\ud800', 10), 'is not well-formed Unicode');
});

test('a topic name has no more levels than the limit allows', () => {
  assert.equal(topicNameError('a/b/c', 3), null);
  assert.equal(topicNameError('a/b/c/', 3), 'has 4 levels, more than the 3 that are allowed');
});

test('a system topic starts with a dollar sign', () => {
  assert.equal(isSystemTopic('$SYS/broker'), true);
  assert.equal(isSystemTopic('a/$SYS'), false);
});
