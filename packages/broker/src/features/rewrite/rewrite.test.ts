import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { factsOf, testFeatureContext } from '#hooks/test-feature-context.ts';
import { createMessage } from '#message/message.ts';
import type { RewriteRuleText } from '#topic/rewrite-rule.ts';
import { Rewrite } from './rewrite.ts';

const rule: RewriteRuleText = { action: 'all', sourceTopic: 'x/#', re: '^x/(.+)$', destTopic: '${username}/$1' };

function start(rules: readonly RewriteRuleText[]) {
  const context = testFeatureContext('rewrite', { rules });
  return { context, hooks: context.hooks, rewrite: new Rewrite(context) };
}

function message(topic: string) {
  const properties = { contentType: 'text/plain', userProperties: [['a', 'b'] as [string, string]], messageExpiryInterval: 60 };
  return createMessage({ topic, payload: 'x', qos: 1, retain: true, properties, publisher: 'c', receivedAtMs: 1000 });
}

test('without rules there is no hook; rules that come and go bring theirs and take them away', () => {
  const { hooks, rewrite } = start([]);
  assert.equal(hooks.hasMessageInbound, false);
  rewrite.reload({ rules: [{ ...rule, action: 'subscribe' }] });
  assert.equal(hooks.hasMessageInbound, false, 'messages cost nothing while rules are about subscriptions');
  const ann = factsOf('c', { username: 'ann' });
  assert.deepEqual(hooks.subscriptionInbound(ann, { filter: 'x/1', qos: 0 }), { filter: 'ann/1', qos: 0 });
  rewrite.reload({ rules: [rule, rule] });
  assert.equal(hooks.hasMessageInbound, true);
  const given = message('x/1');
  assert.notEqual(hooks.messageInbound(ann, given), given);
  rewrite.reload({ rules: [] });
  assert.equal(hooks.hasMessageInbound, false);
  assert.deepEqual(hooks.subscriptionInbound(ann, { filter: 'x/1', qos: 0 }), { filter: 'x/1', qos: 0 });
});

test('only topics that a rule can change are of interest, to a client or to any', () => {
  const { hooks, rewrite } = start([rule]);
  const rewritten = (): boolean[] => ['x/1', 'x', 'y/1'].map((topic) => hooks.isObserved('message.inbound', topic));
  assert.deepEqual(rewritten(), [true, false, false]);
  rewrite.reload({ rules: [{ ...rule, sourceTopic: 'y/#', re: '^y/(.+)$' }] });
  assert.deepEqual(rewritten(), [false, false, true]);
});

test('a rewritten message is the same but for its topic; another one is the very same', () => {
  const { hooks } = start([rule]);
  const given = message('x/1');
  const made = hooks.messageInbound(factsOf('c', { username: 'ann' }), given);
  assert.ok(typeof made === 'object');
  assert.equal(made.topic, 'ann/1');
  for (const name of ['qos', 'retain', 'publisher', 'receivedAtMs', 'expiresAtMs', 'properties', 'payload'] as const) {
    assert.deepEqual(made[name], given[name], name);
  }
  const other = message('other');
  assert.equal(hooks.messageInbound(factsOf('c'), other), other);
});

test('what cannot be rewritten is refused and logged with its rule', () => {
  const { context, hooks } = start([{ ...rule, sourceTopic: 'nothing' }, rule]);
  assert.equal(hooks.messageInbound(factsOf('c'), message('x/1')), ReasonCode.TopicNameInvalid);
  assert.equal(hooks.subscriptionInbound(factsOf('c'), { filter: 'x/+', qos: 0 }), ReasonCode.TopicFilterInvalid);
  const reason = '${username} is empty or missing';
  assert.deepEqual(context.warnings, [
    { clientId: 'c', topic: 'x/1', rule: 'rewrite.rules.1', reason },
    { clientId: 'c', topic: 'x/+', rule: 'rewrite.rules.1', reason },
  ]);
});

test('a name that somebody else has given to what is matched is left alone', () => {
  const { hooks } = start([rule]);
  const named = { filter: 'x/1', match: 'y', qos: 0 } as const;
  assert.equal(hooks.subscriptionInbound(factsOf('c', { username: 'ann' }), named), named);
});

test('the running feature tells what would become of a topic', () => {
  const { rewrite } = start([rule]);
  const question = { action: 'publish', topic: 'x/1', clientId: 'c', username: 'ann' } as const;
  assert.deepEqual(rewrite.preview(question), { kind: 'rewritten', topic: 'ann/1', rule: 0 });
});
