import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { Counters } from '#base/counters.ts';
import { silentLogger } from '#base/logger.ts';
import { brokerVersion } from '#base/version.ts';
import type { Collection, FeatureContext, SharedGroupStatistics, Statistics } from '#hooks/feature.ts';
import { type SysSettings, SysTopics } from './sys-topics.ts';

const idle: Statistics = {
  connections: 0,
  sessions: 0,
  sessionsDisconnected: 0,
  subscriptions: 0,
  sharedSubscriptions: 0,
  exclusiveSubscriptions: 0,
  delayedMessages: 0,
  filters: 0,
  retainedMessages: 0,
  retainedBytes: 0,
  retainedHistoryMessages: 0,
  retainedHistoryBytes: 0,
  queuedMessages: 0,
  queuedBytes: 0,
  storeBytes: 0,
};

/** What mosquitto 2.0 publishes on a broker that is used. */
const mosquittoNames = [
  'version uptime messages/stored messages/received messages/sent store/messages/count store/messages/bytes',
  'clients/total clients/maximum clients/inactive clients/disconnected clients/active clients/connected clients/expired',
  'subscriptions/count shared_subscriptions/count heap/current heap/maximum bytes/received bytes/sent',
  'publish/messages/dropped publish/messages/received publish/messages/sent publish/bytes/received publish/bytes/sent',
]
  .flatMap((line) => line.split(' '))
  .concat('retained messages/count', mosquittoLoads())
  .map((name) => `$SYS/broker/${name}`);

function mosquittoLoads(): string[] {
  const averaged =
    'messages/received messages/sent publish/dropped publish/received publish/sent bytes/received bytes/sent sockets connections';
  return averaged.split(' ').flatMap((name) => ['1min', '5min', '15min'].map((span) => `load/${name}/${span}`));
}

const off: SysSettings = {
  intervalSeconds: null,
  nodeIntervalSeconds: null,
  heartbeatIntervalSeconds: null,
  events: { clientConnected: false, clientDisconnected: false, clientSubscribed: false, clientUnsubscribed: false },
  alarms: { intervalSeconds: null, cpuHigh: 80, cpuLow: 60, memoryHigh: 70 },
};
const nothing: Collection = {
  isFull: false,
  put: () => assert.fail('nothing is kept'),
  delete: () => assert.fail('nothing is kept'),
  get: () => assert.fail('nothing is kept'),
  scan: () => assert.fail('nothing is kept'),
  count: () => assert.fail('nothing is kept'),
};
/** Mosquitto's tree and nothing else. */
const every10s: SysSettings = { ...off, intervalSeconds: 10 };
const own = 'brokers/wrenmq@a-b-c-d-e';

function start(settings: SysSettings = every10s) {
  const clock = new FakeClock();
  const counters = new Counters();
  const state = { isFull: false, statistics: idle, sharedGroups: [] as SharedGroupStatistics[] };
  const published: [string, string][] = [];
  const context: FeatureContext<SysSettings> = {
    settings,
    log: silentLogger,
    clock,
    counters,
    on: () => assert.fail('no hook is needed'),
    publish: () => assert.fail('nothing goes to the disk'),
    publishValue: ({ topic, payload, qos }) => {
      assert.equal(qos ?? 0, 0);
      published.push([topic, String(payload)]);
    },
    announce: (topic, payload) => void published.push([topic, payload]),
    statistics: () => state.statistics,
    sharedGroups: () => state.sharedGroups,
    unfinished: () => [],
    forward: () => assert.fail('nothing was kept'),
    mayPublish: () => assert.fail('nothing was kept'),
    collection: () => ({
      ...nothing,
      get isFull() {
        return state.isFull;
      },
    }),
    subscriptions: () => [],
    clients: {
      facts: () => null,
      subscribe: () => assert.fail('no client is needed'),
      unsubscribe: () => assert.fail('no client is needed'),
    },
  };
  const sys = new SysTopics(context, 'a+b/c#d e');
  /** What was published since the last call, by topic below `$SYS/`. */
  const take = (): Map<string, string> => new Map(published.splice(0).map(([topic, value]) => [topic.slice('$SYS/'.length), value]));
  return { clock, counters, state, sys, take, published };
}

test('every name of mosquitto is published at start', () => {
  const { published } = start();
  const names = new Set(published.map(([topic]) => topic));
  assert.deepEqual(
    mosquittoNames.filter((name) => !names.has(name)),
    [],
  );
  assert.equal(published.length, names.size, 'no topic twice');
});

test('version is that of the package, and uptime grows by the clock', () => {
  const { clock, take } = start();
  assert.equal(take().get('broker/version'), `WrenMQ version ${brokerVersion}`);
  assert.match(brokerVersion, /^\d+\.\d+\.\d+/);
  clock.advance(10_000);
  const later = take();
  assert.equal(later.get('broker/uptime'), '10 seconds');
});

test('the node is one level of a topic, whatever the host is called', () => {
  const values = start({ ...off, nodeIntervalSeconds: 60 }).take();
  assert.equal(values.get('brokers'), 'wrenmq@a-b-c-d-e');
  assert.equal(values.get(`${own}/sysdescr`), 'WrenMQ');
  assert.equal(values.get(`${own}/version`), brokerVersion);
});

test('the node beats: uptime in milliseconds and the time of day, at an interval of their own', () => {
  const { clock, take } = start({ ...off, heartbeatIntervalSeconds: 30 });
  assert.equal(take().size, 0);
  clock.advance(30_000);
  assert.deepEqual(
    [...take()],
    [
      [`${own}/uptime`, '30000'],
      [`${own}/datetime`, '2030-01-01T00:00:30.000Z'],
    ],
  );
  clock.advance(30_000);
  assert.equal(take().get(`${own}/uptime`), '60000');
});

test('the figures of the node are published at every interval, also those that did not change', () => {
  const { clock, counters, take } = start({ ...off, nodeIntervalSeconds: 60 });
  const first = take();
  counters.publishReceivedQoS2 = 4;
  clock.advance(60_000);
  const second = take();
  assert.deepEqual([...second.keys()], [...first.keys()]);
  assert.equal(second.get(`${own}/metrics/messages/received`), '4');
  assert.equal(second.get(`${own}/metrics/messages/qos2/received`), '4');
  for (const name of ['messages', 'packets'].flatMap((kind) => [`${kind}/received`, `${kind}/sent`])) {
    assert.match(second.get(`${own}/metrics/${name}`) ?? '', /^\d+$/, name);
  }
});

test('after the start only what has changed is published', () => {
  const { clock, counters, state, take } = start();
  take();
  counters.publishReceivedQoS1 = 3;
  counters.payloadBytesReceived = 30;
  counters.dropped['queue-full'] = 2;
  counters.dropped['not-authorized'] = 5;
  state.statistics = {
    ...idle,
    sessions: 3,
    sessionsDisconnected: 1,
    subscriptions: 5,
    sharedSubscriptions: 2,
    queuedMessages: 4,
    retainedMessages: 6,
  };
  clock.advance(10_000);
  const values = take();
  assert.equal(values.get('broker/publish/messages/received'), '3');
  assert.equal(values.get('broker/publish/bytes/received'), '30');
  assert.equal(values.get('broker/publish/messages/dropped'), '2', 'what was refused is not dropped');
  assert.equal(values.get('broker/clients/total'), '3');
  assert.equal(values.get('broker/clients/connected'), '2');
  assert.equal(values.get('broker/clients/disconnected'), '1');
  assert.equal(values.get('broker/subscriptions/count'), '3');
  assert.equal(values.get('broker/shared_subscriptions/count'), '2');
  assert.equal(values.get('broker/store/messages/count'), '10');
  assert.equal(values.get('broker/retained messages/count'), '6');
  assert.equal(values.has('broker/version'), false);
  assert.equal(values.has('broker/bytes/received'), false);
});

test('the highest values stay when the present ones fall', () => {
  const { clock, state, take } = start();
  state.statistics = { ...idle, connections: 9, sessions: 7 };
  clock.advance(10_000);
  assert.equal(take().get('broker/clients/maximum'), '7');
  state.statistics = { ...idle, connections: 1, sessions: 2 };
  clock.advance(10_000);
  const values = take();
  assert.equal(values.get('broker/clients/total'), '2');
  assert.equal(values.has('broker/clients/maximum'), false);
});

test('stats have a highest value beside the present one, and connections counts sessions as the original does', () => {
  const { clock, state, take } = start({ ...off, nodeIntervalSeconds: 10 });
  state.statistics = { ...idle, sessions: 5, sessionsDisconnected: 2, filters: 3 };
  clock.advance(10_000);
  take();
  state.statistics = { ...idle, sessions: 4, sessionsDisconnected: 3, filters: 2 };
  clock.advance(10_000);
  const values = take();
  const stat = (name: string) => [values.get(`${own}/stats/${name}/count`), values.get(`${own}/stats/${name}/max`)];
  assert.deepEqual(stat('connections'), ['4', '5']);
  assert.deepEqual(stat('live_connections'), ['1', '3']);
  assert.deepEqual(stat('topics'), ['2', '3']);
});

test('loads are averages per minute that approach a steady rate and die away', () => {
  const { clock, counters, take } = start();
  const values = new Map<string, string>();
  const run = (minutes: number, perInterval: number): void => {
    for (let interval = 0; interval < minutes * 6; interval += 1) {
      counters.bytesSent += perInterval;
      clock.advance(10_000);
      for (const [topic, value] of take()) values.set(topic, value);
    }
  };
  run(1, 100);
  // 600 a minute: after one minute the average over one minute has 1 - 1/e of the way behind it.
  assert.equal(values.get('broker/load/bytes/sent/1min'), (600 * (1 - Math.exp(-1))).toFixed(2));
  assert.equal(values.get('broker/load/bytes/sent/15min'), (600 * (1 - Math.exp(-1 / 15))).toFixed(2));
  run(30, 100);
  assert.equal(values.get('broker/load/bytes/sent/1min'), '600.00');
  run(60, 0);
  assert.equal(values.get('broker/load/bytes/sent/5min'), '0.00');
});

test('an interval of null publishes nothing, and begins when it is configured', () => {
  const { clock, sys, take } = start(off);
  clock.advance(3_600_000);
  assert.equal(take().size, 0);
  assert.equal(clock.pending, 0);
  sys.reload({ ...off, intervalSeconds: 1 });
  assert.equal(take().get('broker/uptime'), '3600 seconds');
  clock.advance(1000);
  assert.equal(take().get('broker/uptime'), '3601 seconds');
});

test('when the interval becomes null every value is ended, so that nobody reads an old one', () => {
  const { clock, sys, take } = start({ ...every10s, nodeIntervalSeconds: 60, heartbeatIntervalSeconds: 30 });
  const topics = [...take().keys()];
  sys.reload(off);
  const ended = take();
  assert.deepEqual([...ended.keys()].sort(), topics.sort());
  assert.ok([...ended.values()].every((value) => value === ''));
  assert.equal(clock.pending, 0);
});

test('a reload that changes nothing changes no rhythm', () => {
  const { clock, sys, take } = start();
  take();
  clock.advance(9000);
  sys.reload(every10s);
  assert.equal(take().size, 0);
  clock.advance(1000);
  assert.equal(take().get('broker/uptime'), '10 seconds');
});

test('after stop nothing is published', () => {
  const { clock, sys, take } = start();
  take();
  sys.stop();
  clock.advance(60_000);
  assert.equal(take().size, 0);
});

test('every shared group tells its members, backlog and lag, and nothing any more when it is gone', () => {
  const { clock, state, take } = start({ ...off, nodeIntervalSeconds: 60 });
  take();
  const share: SharedGroupStatistics = {
    group: 'a%b',
    filter: 'jobs/+/#',
    strategy: 'sticky',
    isDurable: true,
    members: 3,
    membersConnected: 1,
    waiting: 7,
    waitingBytes: 700,
    oldestWaitingMs: 5000,
    returned: 4,
    deadLettered: 2,
    dropped: 1,
  };
  const groups = Array.from({ length: 1001 }, (_, index) => ({ ...share, group: `g${index}` }));
  state.sharedGroups = [share, ...groups];
  clock.advance(60_000);
  const values = take();
  const topic = `${own}/shared/a%25b/jobs%2F%2B%2F%23`;
  assert.deepEqual(JSON.parse(values.get(topic) ?? ''), {
    group: 'a%b',
    filter: 'jobs/+/#',
    strategy: 'sticky',
    durable: true,
    members: 3,
    connected: 1,
    waiting: 7,
    waiting_bytes: 700,
    oldest_ms: 5000,
    returned: 4,
    dead_lettered: 2,
    dropped: 1,
  });
  assert.equal([...values.keys()].filter((name) => name.startsWith(`${own}/shared/`)).length, 1000, 'bounded');
  assert.deepEqual(
    ['groups', 'waiting'].map((name) => values.get(`${own}/stats/shared/${name}/count`)),
    ['1002', '7014'],
  );
  state.sharedGroups = [{ ...share, group: 'g'.repeat(65_000), filter: 'f'.repeat(65_000) }];
  clock.advance(60_000);
  const [long, payload] = [...take()].find(([name]) => name.includes('/shared/ggg'))!;
  assert.ok(long.length < 2200 && payload.length < 2300, 'what clients call it is cut');
  state.sharedGroups = [share];
  clock.advance(60_000);
  take();
  state.sharedGroups = [];
  clock.advance(60_000);
  assert.equal(take().get(topic), '');
  clock.advance(60_000);
  assert.equal(take().has(topic), false);
});

test('a full disk is an alarm, told when it is seen and when it is over', () => {
  const { clock, state, sys, take } = start({ ...off, alarms: { intervalSeconds: 60, cpuHigh: 100, cpuLow: 100, memoryHigh: 100 } });
  const value = (): number => sys.samples().find(({ labels }) => labels['kind'] === 'store_full')!.value;
  clock.advance(60_000);
  assert.equal(take().size, 0);
  state.isFull = true;
  clock.advance(60_000);
  assert.deepEqual([[...take().keys()], value()], [[`${own}/alarms/activate`], 1]);
  state.isFull = false;
  clock.advance(60_000);
  assert.deepEqual([[...take().keys()], value()], [[`${own}/alarms/deactivate`], 0]);
  sys.reload(off);
  state.isFull = true;
  clock.advance(600_000);
  assert.equal(take().size, 0);
});
