import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import type { SubscriptionWish } from '#hooks/feature.ts';
import { connectDetails, factsOf, testFeatureContext } from '#hooks/test-feature-context.ts';
import { type AutomaticTopic, AutoSubscribe, type AutoSubscribeSettings } from './auto-subscribe.ts';

const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

function start(topics: readonly (Partial<AutomaticTopic> & { readonly topic: string })[]) {
  const asked: [string, readonly SubscriptionWish[]][] = [];
  const clients = {
    facts: () => null,
    subscribe: (clientId: string, wishes: readonly SubscriptionWish[]) => {
      asked.push([clientId, wishes]);
      return Promise.resolve(wishes.map(() => ReasonCode.NotAuthorized));
    },
    unsubscribe: () => assert.fail('nobody is to be unsubscribed'),
  };
  const settings = { topics: topics.map((one) => ({ ...options, ...one })) };
  const context = testFeatureContext<AutoSubscribeSettings>('autoSubscribe', settings, { clients });
  let hooks = 0;
  const counting: typeof context.on = (point, hook) => {
    const withdraw = context.on(point, hook);
    hooks += 1;
    return () => {
      hooks -= 1;
      withdraw();
    };
  };
  const feature = new AutoSubscribe({ ...context, on: counting });
  const connect = (facts = factsOf('c1')): readonly string[] => {
    asked.length = 0;
    context.hooks.observe('client.connected', facts, false, connectDetails);
    return asked.flatMap(([, wishes]) => wishes.map(({ filter }) => filter));
  };
  return { context, feature, asked, connect, hooked: () => hooks };
}

test('a client that connects is subscribed with the options of each topic', () => {
  const { asked, connect } = start([{ topic: 'a' }, { topic: '$share/g/b', qos: 2, retainAsPublished: true, retainHandling: 2 }]);
  connect();
  assert.deepEqual(asked, [
    [
      'c1',
      [
        { filter: 'a', ...options },
        { filter: '$share/g/b', ...options, qos: 2, retainAsPublished: true, retainHandling: 2 },
      ],
    ],
  ]);
});

test('placeholders stand for what the client is known by', () => {
  const { connect } = start([{ topic: 'client/${clientid}/${username}/${host}/${port}/#' }]);
  assert.deepEqual(connect(factsOf('c1', { username: 'ann' })), ['client/c1/ann/192.0.2.7/50000/#']);
});

test('a topic is skipped with a warning when a value is missing or would widen it, the others are not', () => {
  const { context, connect } = start([
    { topic: 'u/${username}' },
    { topic: 'c/${clientid}/#' },
    { topic: 'p/${host}/${port}' },
    { topic: 'all' },
  ]);
  assert.deepEqual(connect(factsOf('a/+', { peerAddress: '', peerPort: 0 })), ['all']);
  assert.deepEqual(
    context.warnings.map(({ topic, variable, problem }) => [topic, variable, problem]),
    [
      ['u/${username}', 'username', 'is empty or missing'],
      ['c/${clientid}/#', 'clientid', 'contains /, + or #'],
      ['p/${host}/${port}', 'host', 'is empty or missing'],
    ],
  );
  assert.deepEqual(connect(factsOf('#')), ['p/192.0.2.7/50000', 'all']);
});

test('when nothing is left for a client nobody is asked', () => {
  const { asked, connect } = start([{ topic: '${username}' }]);
  connect();
  assert.deepEqual(asked, []);
});

test('topics that are changed hold for the next client; without any there is no hook', () => {
  const { feature, connect, hooked } = start([]);
  assert.deepEqual(connect(), []);
  assert.equal(hooked(), 0);
  feature.reload({ topics: [{ topic: 'a', ...options }] });
  feature.reload({ topics: [{ topic: 'b', ...options }] });
  assert.deepEqual(connect(), ['b']);
  assert.equal(hooked(), 1);
  feature.reload({ topics: [] });
  assert.deepEqual(connect(), []);
  assert.equal(hooked(), 0);
});
