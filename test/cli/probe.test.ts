import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, hasMosquitto, launchAedes, launchBroker, launchMosquitto, WireClient, type WireTarget } from '@wrenmq/testkit';
import { wrenmq } from './run-wrenmq.ts';

interface Found {
  readonly value: boolean | number | string | null;
  readonly note?: string;
}

interface Report {
  readonly version: string;
  readonly versions: Readonly<Record<string, Found>>;
  readonly checks: Readonly<Record<string, Found>>;
}

async function probe({ host, port }: { readonly host: string; readonly port: number }, ...args: readonly string[]): Promise<Report> {
  const { status, stdout, stderr } = await wrenmq('probe', '-h', host, '-p', String(port), '--json', ...args);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Report;
}

/** What the checks of these keys found. */
function values({ checks }: Report, ...keys: readonly string[]): Readonly<Record<string, Found['value'] | undefined>> {
  return Object.fromEntries(keys.map((key) => [key, checks[key]?.value]));
}

/** Nothing that was retained under the probe's topics is left. */
async function assertNothingLeft(target: WireTarget): Promise<void> {
  const client = await WireClient.open(target, 4);
  await client.connect();
  await client.subscribe('wrenmq-probe/#');
  await client.expectNothing();
  await client.cut();
}

test('probe finds everything in our broker, and leaves nothing behind', async () => {
  await using broker = await launchBroker();
  const report = await probe(broker.target());
  assert.equal(report.version, '5.0');
  assert.deepEqual(Object.values(report.versions), [{ value: true }, { value: true }, { value: true }]);
  const untold = Object.entries(report.checks).filter(([, { value }]) => value === null);
  assert.deepEqual(untold, []);
  const unable = Object.entries(report.checks).filter(([, { value }]) => value === false);
  assert.deepEqual(unable.map(([key]) => key).toSorted(), ['authenticationMethod', 'responseInformation', 'serverReference']);
  assert.deepEqual(values(report, 'product', 'receiveMaximum', 'topicLevels', 'overlappingSubscriptions', 'sessionTakeover'), {
    product: 'WrenMQ version 0.1.0',
    receiveMaximum: 1024,
    topicLevels: 128,
    overlappingSubscriptions: 1,
    sessionTakeover: 'closed, DISCONNECT 0x8e',
  });
  assert.deepEqual(values(report, 'refusesQoS3', 'refusesUnknownAuthMethod', 'refusesInvalidFilter', 'refusesUnknownPacketId'), {
    refusesQoS3: 'DISCONNECT 0x81 MalformedPacket',
    refusesUnknownAuthMethod: 'CONNACK 0x8c BadAuthenticationMethod',
    refusesInvalidFilter: 'SUBACK 0x8f TopicFilterInvalid',
    refusesUnknownPacketId: 'PUBCOMP 0x92 PacketIdentifierNotFound',
  });
  await assertNothingLeft(broker.target());
});

test('probe tells mosquitto by its features and its faults', { skip: !hasMosquitto }, async () => {
  await using broker = await launchMosquitto();
  const report = await probe(broker.target);
  assert.equal(report.version, '5.0');
  assert.match(String(report.checks['product'].value), /^mosquitto version 2\./);
  const able = [
    'qos2',
    'retained',
    'messageExpiry',
    'sharedSubscriptions',
    'sharedSubscriptions311',
    'subscriptionIdentifiers',
    'willDelay',
  ];
  assert.deepEqual(values(report, ...able), Object.fromEntries(able.map((key) => [key, true])));
  assert.deepEqual(values(report, 'receiveMaximum', 'overlappingSubscriptions', 'usesTopicAlias', 'refusesTopicAlias'), {
    receiveMaximum: 20,
    overlappingSubscriptions: 2,
    usesTopicAlias: false,
    refusesTopicAlias: 'DISCONNECT 0x94 TopicAliasInvalid',
  });
  await assertNothingLeft(broker.target);
});

test('probe speaks 3.1.1 with aedes, which has no MQTT 5', async () => {
  await using broker = await launchAedes();
  const report = await probe(broker.target);
  assert.equal(report.version, '3.1.1');
  assert.deepEqual(report.versions['5.0'], { value: false, note: 'CONNACK 0x01 of MQTT 3.1.1' });
  assert.deepEqual(values(report, 'product', 'qos2', 'retained', 'will', 'sessionResumed', 'sharedSubscriptions311'), {
    product: 'aedes',
    qos2: true,
    retained: true,
    will: true,
    sessionResumed: true,
    sharedSubscriptions311: false,
  });
  assert.deepEqual(report.checks['topicAlias'], { value: null, note: 'only in MQTT 5' });
  await assertNothingLeft(broker.target);
});

test('probe asks only what --only names, prints a table, and says what is wrong with a name', async () => {
  await using broker = await launchBroker();
  const { host, port } = broker.target();
  const address = ['-h', host, '-p', String(port)];
  const { stdout } = await wrenmq('probe', ...address, '-V', '311', '--only', 'qos1,topicAlias');
  assert.equal(
    stdout,
    [
      `mqtt://${host}:${port}, asked in MQTT 3.1.1`,
      '',
      'Versions',
      ...['3.1', '3.1.1', '5.0'].map((version) => `  ${`MQTT ${version}`.padEnd(44)} yes`),
      '',
      'Messages',
      `  ${'QoS 1'.padEnd(44)} yes`,
      '',
    ].join('\n'),
  );
  const wrong = await wrenmq('probe', ...address, '--only', 'qos9');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /--only qos9: one of product, sys, /);
});

test('probe ends with 3 when there is no broker, and with 4 when it refuses', async () => {
  const unreachable = await wrenmq('probe', '-h', '127.0.0.1', '-p', String(await freePort()));
  assert.equal(unreachable.status, 3);
  assert.match(unreachable.stderr, /cannot be reached/);
  await using broker = await launchBroker({ settings: { 'listeners.tcp.anonymous': 'deny' } });
  const refused = await wrenmq('probe', '-h', '127.0.0.1', '-p', String(broker.target().port), '-V', '5');
  assert.equal(refused.status, 4);
  assert.match(refused.stderr, /refuses the connection \(MQTT 5\.0: CONNACK 0x87 NotAuthorized\)/);
});
