import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RewriteRule, type RewriteRuleText } from './rewrite-rule.ts';

const rule: RewriteRuleText = { action: 'all', sourceTopic: 'x/#', re: '^x/(.+)/(.*)$', destTopic: 'y/$1/${clientid}/$2' };

function compiled(text: Partial<RewriteRuleText>): RewriteRule {
  const result = RewriteRule.compile({ ...rule, ...text });
  assert.ok(result instanceof RewriteRule, JSON.stringify(result));
  return result;
}

function problemsOf(text: Partial<RewriteRuleText>): readonly (readonly [string, string])[] {
  const result = RewriteRule.compile({ ...rule, ...text });
  return result instanceof RewriteRule ? [] : result.map(({ key, message }) => [key, message]);
}

test('an expression gives its match and its groups; one that took no part is empty', () => {
  const optional = compiled({ re: '^x/(a)?(b)?', destTopic: '$1$2' });
  assert.deepEqual(optional.match('x/b/c'), ['x/b', '', 'b']);
  assert.equal(optional.match('y/b'), null);
  assert.deepEqual(compiled({}).match('x/a/b/c'), ['x/a/b/c', 'a/b', 'c']);
});

test('the action says whom a rule is for', () => {
  assert.deepEqual(
    (['publish', 'subscribe', 'all'] as const).map((action) => {
      const { isForPublish, isForSubscribe } = compiled({ action });
      return [isForPublish, isForSubscribe];
    }),
    [
      [true, false],
      [false, true],
      [true, true],
    ],
  );
});

test('everything that is wrong with a rule is told at once, by key', () => {
  const problems = problemsOf({ sourceTopic: 'a/#/b', re: '(', destTopic: 'y/${nobody}' });
  assert.deepEqual(
    problems.map(([key]) => key),
    ['sourceTopic', 're', 'destTopic'],
  );
  assert.match(problems[1][1], /is not a regular expression: missing closing \)/);
});

test('a source has no prefix, and a destination none, and no wildcard where messages are published', () => {
  for (const sourceTopic of ['', 'a+', '$share/g/a', '$exclusive/a', '$history/-1h/a', '$history-live/-1h/a'])
    assert.equal(problemsOf({ sourceTopic })[0]?.[0], 'sourceTopic', sourceTopic);
  for (const destTopic of ['', 'y/+', '#', '$share/g/$1', '$exclusive/$1', '$history/-1h/$1', '$3'])
    assert.equal(problemsOf({ destTopic })[0]?.[0], 'destTopic', destTopic);
  assert.deepEqual(problemsOf({ action: 'subscribe', destTopic: 'y/$1/#' }), []);
  assert.equal(problemsOf({ action: 'subscribe', destTopic: '$share/g/$1' }).length, 1);
  assert.deepEqual(problemsOf({ destTopic: '$delayed/5/$1' }), []);
});

test('an expression that is larger than a match may be slow is refused', () => {
  assert.match(problemsOf({ re: '^x/(a{1,30}){1,30}()$' })[0][1], /is too large/);
  assert.match(problemsOf({ re: `^x/()()${'a'.repeat(1024)}` })[0][1], /is longer than 1024 characters/);
  assert.match(problemsOf({ re: '^x/(?=a)' })[0][1], /no lookaround and no backreference/);
  assert.match(problemsOf({ re: '^x/(a)\\1' })[0][1], /no lookaround and no backreference/);
  assert.deepEqual(problemsOf({ re: '^x/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/([A-Za-z0-9_]{1,64})$' }), []);
});

test('an expression that hangs engines which backtrack is answered', () => {
  for (const re of ['^x/((a+)+)+()$', '^x/(a|a)*()()$', '^x/(a|aa)+()$', '^x/(.*a){20}()$']) {
    assert.equal(compiled({ re, destTopic: 'y' }).match(`x/${'a'.repeat(1000)}!`), null, re);
  }
});
