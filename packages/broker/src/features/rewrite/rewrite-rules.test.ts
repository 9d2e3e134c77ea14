import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RewriteRuleText } from '#topic/rewrite-rule.ts';
import { previewRewrite, type RewriteQuestion, type RewriteResult, RewriteRules } from './rewrite-rules.ts';

/** The rules that EMQX documents as its example. */
const documented: readonly RewriteRuleText[] = [
  { action: 'all', sourceTopic: 'y/+/z/#', re: '^y/(.+)/z/(.+)$', destTopic: 'y/z/$2' },
  { action: 'all', sourceTopic: 'x/#', re: '^x/y/(.+)$', destTopic: 'z/y/x/$1' },
  { action: 'all', sourceTopic: 'x/y/+', re: '^x/y/(\\d+)$', destTopic: 'z/y/$1' },
];

function ask(rules: readonly RewriteRuleText[], topic: string, question: Partial<RewriteQuestion> = {}): RewriteResult {
  return previewRewrite(rules, { action: 'publish', topic, clientId: 'c1', username: 'ann', ...question });
}

function topicOf(rules: readonly RewriteRuleText[], topic: string, question: Partial<RewriteQuestion> = {}): string {
  const result = ask(rules, topic, question);
  return result.kind === 'refused' ? `refused: ${result.reason}` : result.topic;
}

test('the example in the documentation of EMQX comes out as it says there, for both actions', () => {
  for (const action of ['publish', 'subscribe'] as const) {
    const results = ['y/a/z/b', 'y/def', 'x/1/2', 'x/y/2', 'x/y/z'].map((topic) => topicOf(documented, topic, { action }));
    assert.deepEqual(results, ['y/z/b', 'y/def', 'x/1/2', 'z/y/2', 'x/y/z'], action);
  }
});

test('of the rules whose filter matches the last decides, also when its expression does not fit', () => {
  assert.deepEqual(ask(documented, 'x/y/2'), { kind: 'rewritten', topic: 'z/y/2', rule: 2 });
  assert.deepEqual(ask(documented, 'x/y/z'), { kind: 'unchanged', topic: 'x/y/z', rule: 2 });
  assert.deepEqual(ask(documented, 'x/y/a/b'), { kind: 'rewritten', topic: 'z/y/x/a/b', rule: 1 });
  assert.deepEqual(ask(documented, 'other'), { kind: 'unchanged', topic: 'other', rule: null });
});

test('a rule is for its action', () => {
  const rules = (['publish', 'subscribe'] as const).map((action) => ({ action, sourceTopic: 'a', re: 'a', destTopic: action }));
  assert.equal(topicOf(rules, 'a'), 'publish');
  assert.equal(topicOf(rules, 'a', { action: 'subscribe' }), 'subscribe');
  const sets = [rules, rules.slice(0, 1), []].map((some) => new RewriteRules(some));
  assert.deepEqual(
    sets.map(({ arePublishing, areSubscribing }) => [arePublishing, areSubscribing]),
    [
      [true, true],
      [true, false],
      [false, false],
    ],
  );
});

test('a subscription is rewritten when the rule is about all that it asks for', () => {
  const rules = [{ action: 'all', sourceTopic: 'x/+', re: '^x/(.+)$', destTopic: 'y/$1' }] as const;
  const filters = ['x/a', 'x/+', 'x/#', 'x/a/b', '#', 'x/a+', 'x/#/a'];
  assert.deepEqual(
    filters.map((topic) => topicOf(rules, topic, { action: 'subscribe' })),
    ['y/a', 'y/+', 'x/#', 'x/a/b', '#', 'x/a+', 'x/#/a'],
  );
});

test('behind $share, $queue and $exclusive the filter is rewritten and the prefix kept; one prefix, not two', () => {
  const rules = [{ action: 'subscribe', sourceTopic: 'x/#', re: '^x/(.+)$', destTopic: 'y/$1' }] as const;
  const filters = [
    '$share/x/x/1',
    '$queue/x/1',
    '$exclusive/x/1',
    '$exclusive/$share/g/x/1',
    '$share/g/$exclusive/x/1',
    '$share/g',
    '$exclusive/',
  ];
  assert.deepEqual(
    filters.map((topic) => topicOf(rules, topic, { action: 'subscribe' })),
    ['$share/x/y/1', '$queue/y/1', '$exclusive/y/1', '$exclusive/$share/g/x/1', '$share/g/$exclusive/x/1', '$share/g', '$exclusive/'],
  );
});

test('behind a range of the history the filter is rewritten, too, and the range kept', () => {
  const rules = [{ action: 'subscribe', sourceTopic: 'x/#', re: '^x/(.+)$', destTopic: 'y/$1' }] as const;
  const filters = ['$history/-1h/x/1', '$history-live/last:10/x/1', '$history/-1h', '$history/x/1', '$share/g/$history/-1h/x/1'];
  assert.deepEqual(
    filters.map((topic) => topicOf(rules, topic, { action: 'subscribe' })),
    ['$history/-1h/y/1', '$history-live/last:10/y/1', '$history/-1h', '$history/x/1', '$share/g/$history/-1h/x/1'],
  );
});

test('no topic becomes a prefix that the client has not sent', () => {
  const rules = [{ action: 'all', sourceTopic: 'x/#', re: '^x/(.+)$', destTopic: '$1' }] as const;
  for (const topic of ['x/$share/g/t', 'x/$exclusive/t', '$share/g/x/$share/h/t', '$exclusive/x/$share/g/t', 'x/$history/-1h/t']) {
    assert.match(topicOf(rules, topic, { action: 'subscribe' }), /^refused: .* has a prefix that was not asked for$/);
  }
  assert.equal(topicOf(rules, 'x/$share/g/t'), '$share/g/t', 'as a topic name it has no meaning');
});

test('names of the client take their places; one that is missing or reaches beyond its level refuses the topic', () => {
  const rules = [{ action: 'all', sourceTopic: 'up', re: '.*', destTopic: 'devices/${username}/${clientid}' }] as const;
  assert.equal(topicOf(rules, 'up'), 'devices/ann/c1');
  assert.equal(topicOf(rules, 'up', { username: null }), 'refused: ${username} is empty or missing');
  for (const clientId of ['a/b', '+', '#', 'x#']) {
    for (const action of ['publish', 'subscribe'] as const) {
      assert.equal(topicOf(rules, 'up', { action, clientId }), 'refused: ${clientid} contains /, + or #');
    }
  }
  const leading = [{ action: 'all', sourceTopic: 'up', re: '.*', destTopic: '${clientid}' }] as const;
  assert.match(topicOf(leading, 'up', { clientId: '#' }), /refused/);
});

test('a topic that is too long for expressions is refused where a rule is about it, and stays where none is', () => {
  const long = 'x'.repeat(1025);
  assert.match(topicOf(documented, `x/${long}`), /^refused: the topic has more than 1024 characters$/);
  assert.equal(topicOf(documented, long), long);
});

test('what is remembered of a topic is what would be found again, also when everything is forgotten in between', () => {
  const rules = new RewriteRules(documented);
  for (const round of [1, 2]) {
    const found = ['x/y/2', 'x/y/z', 'other'].map((topic) => rules.forTopic(topic)?.topic ?? null);
    assert.deepEqual(found, ['z/y/2', null, null], String(round));
    for (let number = 0; number < 16_384; number += 1) rules.forTopic(`filler/${number}`);
  }
});
