import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers, intersects, matches, parseTopicFilter } from './topic-filter.ts';

/** What the standard says, level by level, as short as it can be said. */
function modelMatches(filter: readonly string[], topic: readonly string[]): boolean {
  const [wanted, ...filterRest] = filter;
  const [level, ...topicRest] = topic;
  if (wanted === '#') return true;
  if (wanted === undefined || level === undefined) return wanted === level;
  return (wanted === '+' || wanted === level) && (topic.length > 1 || filter[1] !== '#' ? modelMatches(filterRest, topicRest) : true);
}

function model(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  return modelMatches(filter.split('/'), topic.split('/'));
}

function paths(levels: readonly string[], depth: number): string[] {
  if (depth === 1) return [...levels];
  return paths(levels, depth - 1).flatMap((path) => levels.map((level) => `${path}/${level}`));
}

function pathsUpTo(levels: readonly string[], depth: number): string[] {
  return Array.from({ length: depth }, (_, index) => paths(levels, index + 1)).flat();
}

// One level of the topics is in no filter, and the topics are one level deeper: a filter that misses some topic misses one of these.
const topics = pathsUpTo(['', 'a', '$a', 'z'], 4).filter((topic) => topic !== '');
const plainFilters = pathsUpTo(['', 'a', '$a', '+'], 3).filter((filter) => filter !== '');
const filters = [...plainFilters, '#', ...pathsUpTo(['', 'a', '$a', '+'], 2).map((filter) => `${filter}/#`)];
const topicsOf = new Map(filters.map((filter) => [filter, new Set(topics.filter((topic) => model(filter, topic)))]));

test('the examples of the standard match as it says', () => {
  const examples: [filter: string, topic: string, isMatch: boolean][] = [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/x', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/x', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['ACCOUNTS', 'Accounts', false],
    ['a', 'ab', false],
    ['ab', 'a', false],
  ];
  for (const [filter, topic, isMatch] of examples) {
    assert.equal(matches(filter, topic), isMatch, `${filter} ${topic}`);
    assert.equal(model(filter, topic), isMatch, `the model: ${filter} ${topic}`);
  }
});

test('every small filter matches exactly the small topics that the model matches [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1]', () => {
  for (const filter of filters) {
    for (const topic of topics) assert.equal(matches(filter, topic), topicsOf.get(filter)?.has(topic), `${filter} ${topic}`);
  }
});

test('a filter covers another exactly when it matches every topic of the other', () => {
  for (const outer of filters) {
    const wide = topicsOf.get(outer) as Set<string>;
    for (const inner of filters) {
      const isCovered = [...(topicsOf.get(inner) as Set<string>)].every((topic) => wide.has(topic));
      assert.equal(covers(outer, inner), isCovered, `${outer} ${inner}`);
    }
  }
});

test('two filters intersect exactly when a topic matches both', () => {
  for (const a of filters) {
    const left = topicsOf.get(a) as Set<string>;
    for (const b of filters) {
      const isShared = [...(topicsOf.get(b) as Set<string>)].some((topic) => left.has(topic));
      assert.equal(intersects(a, b), isShared, `${a} ${b}`);
    }
  }
});

test('a filter without a group is taken as it is', () => {
  for (const text of ['a', '/', '+', '#', '+/+/#', 'a/+/b', '/#', '$SYS/#', '$shared/g/a', '$sharex']) {
    assert.deepEqual(parseTopicFilter(text, 10), { text, filter: text, group: null });
  }
});

test('a shared filter is taken apart [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
  const examples = [
    ['$share/g/a', 'g', 'a'],
    ['$share/g/#', 'g', '#'],
    ['$share/g//a', 'g', '/a'],
    ['$share/my group/+/$SYS', 'my group', '+/$SYS'],
  ] as const;
  for (const [text, group, filter] of examples) assert.deepEqual(parseTopicFilter(text, 10), { text, filter, group });
});

test('a malformed shared filter is refused [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
  const examples: [string, string][] = [
    ['$share', 'names no shared group'],
    ['$share/', 'names no shared group'],
    ['$share//a', 'names no shared group'],
    ['$share/g', 'has no filter after the shared group'],
    ['$share/g/', 'has no filter after the shared group'],
    ['$share/+/a', 'names a shared group with a wildcard in it'],
    ['$share/g#/a', 'names a shared group with a wildcard in it'],
    ['$share/g\0/a', 'contains U+0000'],
    ['$share/g/a#', 'has a # that is not a level of its own'],
  ];
  for (const [text, error] of examples) assert.equal(parseTopicFilter(text, 10), error, text);
});

test('a wildcard stands alone in its level, and # only at the end [MQTT-4.7.1-1] [MQTT-4.7.1-2]', () => {
  const examples: [string, string][] = [
    ['a#', 'has a # that is not a level of its own'],
    ['+#', 'has a + that is not a level of its own'],
    ['#/a', 'has a # that is not its last character'],
    ['a/#/b', 'has a # that is not its last character'],
    ['##', 'has a # that is not its last character'],
    ['a+', 'has a + that is not a level of its own'],
    ['+a', 'has a + that is not a level of its own'],
    ['a/++/b', 'has a + that is not a level of its own'],
  ];
  for (const [text, error] of examples) assert.equal(parseTopicFilter(text, 10), error, text);
});

test('a filter keeps the bounds of a topic name [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]', () => {
  assert.equal(parseTopicFilter('', 10), 'is empty');
  assert.equal(parseTopicFilter('a\0', 10), 'contains U+0000');
  assert.equal(parseTopicFilter('a'.repeat(65_536), 10), 'is longer than 65535 bytes');
  assert.equal(parseTopicFilter(`$share/g/${'a'.repeat(65_535)}`, 10), 'is longer than 65535 bytes');
  assert.equal(parseTopicFilter('\udc00', 10), 'is not well-formed Unicode');
});

test('the levels of a shared filter are counted without its group', () => {
  assert.equal(parseTopicFilter('a/+/#', 2), 'has 3 levels, more than the 2 that are allowed');
  assert.deepEqual(parseTopicFilter('$share/g/a/+', 2), { text: '$share/g/a/+', filter: 'a/+', group: 'g' });
});
