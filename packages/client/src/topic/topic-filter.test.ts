import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchedPart } from '#base/filter-prefix.ts';
import { MqttError } from '#base/mqtt-error.ts';
import { FilterTrie } from './filter-trie.ts';
import { checkFilter, checkTopic, matches } from './topic-filter.ts';

test('what is compared with topics stands behind the prefix', () => {
  for (const prefix of ['$share/g/', '$history/-1h/', '$history-live/last:10/', '$exclusive/', '$queue/'])
    for (const filter of ['a', '+/b', '#', '/']) assert.equal(matchedPart(prefix + filter), filter);
  for (const filter of ['a', '$SYS/#', '$history', '$history/-1h', '$exclusively/a', 'x/$share/g/a'])
    assert.equal(matchedPart(filter), filter);
});

const invalid = (error: unknown): boolean => error instanceof MqttError && error.code === 'INVALID';

test('filters that no broker would take are refused [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
  for (const filter of [
    '',
    'a#',
    '#/a',
    'a/#/b',
    '+a',
    'a+',
    'a/b+/c',
    'a\0',
    '$share/a',
    '$share//a',
    '$share/g/',
    '$share/g+/a',
    '$share/g#/a',
  ])
    assert.throws(() => checkFilter(filter), invalid, filter);
  for (const filter of [
    'a',
    '/',
    '//',
    '#',
    '+',
    '+/+',
    '/+',
    'a/+/b/#',
    '+/#',
    '$SYS/#',
    '$share/g/a',
    '$share/g/#',
    '$share/g//',
    'a b/ä',
  ])
    checkFilter(filter);
});

test('topics with wildcards are refused [MQTT-3.3.2-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]', () => {
  for (const topic of ['', 'a/+', '#', 'a\0b']) assert.throws(() => checkTopic(topic), invalid, topic);
  for (const topic of ['a', '/', '$SYS/x', 'a b']) checkTopic(topic);
});

test('a filter matches what the standard says [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1]', () => {
  const cases: Array<[filter: string, topic: string, isMatch: boolean]> = [
    ['sport/tennis/#', 'sport/tennis', true],
    ['sport/tennis/#', 'sport/tennis/a/b', true],
    ['sport/tennis/#', 'sport', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS/a', true],
    ['a', 'A', false],
    ['a/b', 'a/b/c', false],
  ];
  for (const [filter, topic, isMatch] of cases) assert.equal(matches(filter, topic), isMatch, `${filter} ${topic}`);
});

test('the share is no part of what is compared', () => {
  assert.equal(matchedPart('$share/group/a/#'), 'a/#');
  assert.equal(matchedPart('a/#'), 'a/#');
});

const level = fc.constantFrom('', 'a', 'b', '$x');
const topicName = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const topicFilter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 3 }), fc.boolean())
  .map(([levels, hasHash]) => [...levels, ...(hasHash || levels.length === 0 ? ['#'] : [])].join('/'));

test('the tree finds what comparing one by one finds', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(topicFilter, { maxLength: 12 }),
      fc.array(topicName, { maxLength: 8 }),
      fc.nat(12),
      (filters, topics, removed) => {
        const trie = new FilterTrie<string>();
        for (const filter of filters) trie.set(filter, filter);
        const gone = filters.splice(0, removed);
        for (const filter of gone) trie.delete(filter);
        trie.delete('not/there');
        for (const topic of topics) assert.deepEqual(trie.match(topic).sort(), filters.filter((filter) => matches(filter, topic)).sort());
      },
    ),
    { seed: 3 },
  );
});
