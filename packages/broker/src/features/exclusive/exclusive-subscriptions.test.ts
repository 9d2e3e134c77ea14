import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { factsOf, testFeatureContext, plainSubscription } from '#hooks/test-feature-context.ts';
import { ExclusiveSubscriptions } from './exclusive-subscriptions.ts';

const taken = { deny: ReasonCode.QuotaExceeded };

function start(enabled = true, held: readonly { clientId: string; filter: string }[] = []) {
  const context = testFeatureContext('exclusive', { enabled }, { subscriptions: () => held.map((one) => ({ ...one, qos: 1 })) });
  const exclusive = new ExclusiveSubscriptions(context);
  const { hooks } = context;
  return {
    exclusive,
    hooks,
    name: (filter: string) => hooks.subscriptionInbound(factsOf('a'), { filter, qos: 1 }),
    accept: (clientId: string, filter: string) => hooks.subscriptionAccept(factsOf(clientId), { filter, match: 'whatever', qos: 1 }),
    subscribe: (clientId: string, filter: string) => hooks.observe('subscription.added', clientId, filter, 1, plainSubscription),
  };
}

test('what is behind $exclusive/ is matched, and the text is the name', () => {
  const { name } = start();
  for (const filter of ['t', 't/+', '#', '/', '$SYS/#', '$exclusively/t']) {
    assert.deepEqual(name(`$exclusive/${filter}`), { filter: `$exclusive/${filter}`, match: filter, qos: 1 });
  }
  for (const filter of ['t', '$SYS/#', '$share/g/t', 'x/$exclusive/t', '$exclusively/t', '$share/exclusive/t']) {
    assert.deepEqual(name(filter), { filter, qos: 1 });
  }
});

test('what is no plain filter behind the prefix, or has the prefix behind another one, is refused with 0x8F', () => {
  const { name } = start();
  const nonsense = ['$exclusive', '$exclusive/', '$exclusive/$exclusive/t', '$exclusive/$exclusive', '$exclusive/$share/g/t'];
  for (const filter of [...nonsense, '$exclusive/$share', '$share/g/$exclusive/t', '$share/g/$exclusive']) {
    assert.equal(name(filter), ReasonCode.TopicFilterInvalid, filter);
  }
});

test('a filter belongs to one client until it unsubscribes; the client itself may subscribe again', () => {
  const { exclusive, hooks, accept, subscribe } = start();
  assert.equal(accept('a', '$exclusive/t'), 'abstain');
  assert.equal(accept('b', '$exclusive/t'), 'abstain', 'to be asked takes nothing');
  subscribe('a', '$exclusive/t');
  assert.equal(accept('a', '$exclusive/t'), 'abstain');
  assert.deepEqual(accept('b', '$exclusive/t'), taken);
  assert.equal(accept('b', 't'), 'abstain', 'the plain filter is free');
  hooks.observe('subscription.removed', 'b', '$exclusive/t');
  assert.equal(exclusive.ownerOf('t'), 'a');
  hooks.observe('subscription.removed', 'a', 't');
  assert.equal(exclusive.ownerOf('t'), 'a');
  hooks.observe('subscription.removed', 'a', '$exclusive/t');
  assert.equal(exclusive.ownerOf('t'), null);
  assert.equal(accept('b', '$exclusive/t'), 'abstain');
});

test('filters are compared as they are written', () => {
  const { accept, subscribe } = start();
  subscribe('a', '$exclusive/t/+');
  assert.equal(accept('b', '$exclusive/t/1'), 'abstain');
  assert.equal(accept('b', '$exclusive/#'), 'abstain');
  assert.deepEqual(accept('b', '$exclusive/t/+'), taken);
});

test('when a session is over everything is free that it had, and nothing else', () => {
  const { exclusive, hooks, subscribe } = start();
  subscribe('a', '$exclusive/t');
  subscribe('a', '$exclusive/u');
  subscribe('b', '$exclusive/v');
  assert.deepEqual(exclusive.statistics(), { exclusiveSubscriptions: 3 });
  hooks.observe('session.closed', 'a');
  hooks.observe('session.closed', 'nobody');
  assert.deepEqual([...exclusive.subscriptions()], [{ filter: 'v', clientId: 'b' }]);
  assert.equal(exclusive.size, 1);
});

test('what somebody else has by now is not given back by who had it before, or never had it', () => {
  const { exclusive, hooks, subscribe } = start();
  subscribe('a', '$exclusive/t');
  hooks.observe('session.closed', 'a');
  subscribe('b', '$exclusive/t');
  hooks.observe('session.closed', 'a');
  subscribe('a', '$exclusive/u');
  hooks.observe('subscription.removed', 'a', '$exclusive/t');
  assert.equal(exclusive.ownerOf('t'), 'b');
});

test('what sessions had before a restart is theirs', () => {
  const { exclusive, accept } = start(true, [
    { clientId: 'a', filter: '$exclusive/t' },
    { clientId: 'b', filter: 't' },
  ]);
  assert.deepEqual([...exclusive.subscriptions()], [{ filter: 't', clientId: 'a' }]);
  assert.deepEqual(accept('b', '$exclusive/t'), taken);
});

test('where they are not offered new ones get 0x8F, what there is stays and can be given back', () => {
  const { exclusive, hooks, name, subscribe } = start(true);
  subscribe('a', '$exclusive/t');
  exclusive.reload({ enabled: false });
  assert.equal(name('$exclusive/u'), ReasonCode.TopicFilterInvalid);
  assert.equal(hooks.subscriptionName(factsOf('a'), '$exclusive/t'), '$exclusive/t');
  assert.equal(exclusive.ownerOf('t'), 'a');
  hooks.observe('subscription.removed', 'a', '$exclusive/t');
  exclusive.reload({ enabled: true });
  assert.equal(exclusive.size, 0);
  assert.notEqual(name('$exclusive/u'), ReasonCode.TopicFilterInvalid);
});
