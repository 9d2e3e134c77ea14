import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { needs, run, Subscriber, useLaunchedBroker } from './interop.ts';

// mosquitto_pub, mosquitto_sub and mosquitto_rr in the three versions.

const directory = await tempDirectory();
after(() => directory.remove());
const socket = join(directory.path, 'mqtt.sock');
const place = useLaunchedBroker({ settings: { 'listeners.local.kind': 'tcp', 'listeners.local.bind': `unix:${socket}` } });
const options = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const versions = ['31', '311', '5'] as const;
/** As many bytes as fit beside the head of a PUBLISH into the default maximum packet size, in round figures. */
const largePayloadBytes = 900 * 1024;

const at = (...more: readonly string[]): string[] => ['-h', '127.0.0.1', '-p', `${place.port('tcp')}`, ...more];
const publish = (...more: readonly string[]): Promise<unknown> => run('mosquitto_pub', at(...more));

for (const version of versions) {
  test(`mosquitto_pub and mosquitto_sub speak ${version} at every QoS, and retained messages`, options, async (t) => {
    const topic = `clients/${version}`;
    const subscriber = await Subscriber.start(t, at('-V', version, '-q', '2', '-t', `${topic}/#`));
    for (const qos of ['0', '1', '2']) {
      await publish('-V', version, '-q', qos, '-t', `${topic}/${qos}`, '-m', `hello ${qos}`, '-r');
      assert.equal(await subscriber.next(), `${topic}/${qos} ${qos} 0 hello ${qos}`);
    }
    const late = await Subscriber.start(t, at('-V', version, '-q', '1', '-t', `${topic}/+`));
    assert.deepEqual(await late.take(3), [`${topic}/0 0 1 hello 0`, `${topic}/1 1 1 hello 1`, `${topic}/2 1 1 hello 2`]);
  });

  test(`a persistent session of mosquitto_sub gets what came while it was away (${version})`, options, async () => {
    const topic = `away/${version}`;
    const session = ['-V', version, '-i', `away-${version}`, '-c', '-q', '1', '-t', topic, ...(version === '5' ? ['-x', '600'] : [])];
    await run('mosquitto_sub', at(...session, '-E'));
    for (const payload of ['a', 'b', 'c']) await publish('-V', version, '-q', '1', '-t', topic, '-m', payload);
    const { stdout } = await run('mosquitto_sub', at(...session, '-C', '3'));
    assert.equal(stdout, 'a\nb\nc\n');
  });

  test(`the will of a mosquitto_sub that is killed is published, not that of one that leaves (${version})`, options, async (t) => {
    const topic = `will/${version}`;
    const will = ['--will-topic', topic, '--will-qos', '1', '--will-retain', '--will-payload'];
    const watcher = await Subscriber.start(t, at('-V', version, '-q', '1', '-t', topic));
    await run('mosquitto_sub', at('-V', version, '-t', 'will/nothing', '-E', ...will, 'left'));
    const killed = await Subscriber.start(t, at('-V', version, '-t', 'will/nothing', ...will, 'killed'));
    await killed.kill();
    assert.equal(await watcher.next(), `${topic} 1 0 killed`);
    const { stdout } = await run('mosquitto_sub', at('-V', version, '-t', topic, '-C', '1', '-F', '%r %p'));
    assert.equal(stdout, '1 killed\n');
  });

  test(`a shared subscription gives each message to one mosquitto_sub (${version})`, options, async (t) => {
    const filter = ['-V', version, '-q', '1', '-t', `$share/group/shared/${version}`];
    const members = await Promise.all([Subscriber.start(t, at(...filter)), Subscriber.start(t, at(...filter))]);
    const watcher = await Subscriber.start(t, at('-V', version, '-q', '1', '-t', `shared/${version}`), '%p');
    for (const payload of ['1', '2', '3', '4']) await publish('-V', version, '-q', '1', '-t', `shared/${version}`, '-m', payload);
    assert.deepEqual(await watcher.take(4), ['1', '2', '3', '4']);
    // Both members are connected and have room: what one got, the other did not get.
    const shares = await Promise.all(members.map((member) => member.take(2)));
    assert.deepEqual(
      shares.flat().toSorted(),
      ['1', '2', '3', '4'].map((payload) => `shared/${version} 1 0 ${payload}`),
    );
    assert.deepEqual(
      members.flatMap((member) => member.pending),
      [],
    );
  });

  test(`a payload of 900 KB goes through unchanged at QoS 2 (${version})`, options, async () => {
    const file = join(directory.path, `payload-${version}`);
    const payload = 'wren'.repeat(largePayloadBytes / 4);
    await writeFile(file, payload);
    await publish('-V', version, '-q', '2', '-r', '-t', `large/${version}`, '-f', file);
    const { stdout } = await run('mosquitto_sub', at('-V', version, '-q', '2', '-t', `large/${version}`, '-C', '1', '-N'));
    assert.ok(stdout === payload);
  });

  test(`mosquitto_pub and mosquitto_sub meet on a Unix socket (${version})`, options, async () => {
    const here = ['--unix', socket, '-V', version, '-q', '1', '-t', `unix/${version}`];
    await run('mosquitto_pub', [...here, '-m', 'near', '-r']);
    assert.equal((await run('mosquitto_sub', [...here, '-C', '1'])).stdout, 'near\n');
  });
}

test('mosquitto_sub prints every property that mosquitto_pub gave, and what is left of the expiry interval', options, async (t) => {
  const subscriber = await Subscriber.start(t, at('-V', '5', '-q', '1', '-t', 'clients/properties'), '%C|%P|%R|%D|%E|%F|%A');
  const property = (name: string, ...value: string[]): string[] => ['-D', 'publish', name, ...value];
  const message = ['-V', '5', '-q', '1', '-t', 'clients/properties', '-m', 'x'];
  await publish(
    ...message,
    ...property('content-type', 'text/plain'),
    ...property('user-property', 'one', '1'),
    ...property('user-property', 'one', '2'),
    ...property('response-topic', 'clients/answer'),
    ...property('correlation-data', 'seven'),
    ...property('message-expiry-interval', '3600'),
    ...property('payload-format-indicator', '1'),
  );
  const [type, user, response, correlation, expiry, format] = (await subscriber.next()).split('|');
  assert.deepEqual([type, user, response, correlation, format], ['text/plain', 'one:1 one:2', 'clients/answer', 'seven', '1']);
  // A busy machine may hold the message for a while, not for a minute.
  assert.ok(Number(expiry) > 3540 && Number(expiry) <= 3600, expiry);
});

test('mosquitto_rr gets its answer by response topic and correlation data', options, async (t) => {
  const responder = await Subscriber.start(t, at('-V', '5', '-t', 'clients/ask'), '%R %D %p');
  const question = ['-V', '5', '-q', '1', '-t', 'clients/ask', '-e', 'clients/answer', '-m', 'question', '-W', '30'];
  const asked = run('mosquitto_rr', at(...question, '-D', 'publish', 'correlation-data', 'nine'));
  assert.equal(await responder.next(), 'clients/answer nine question');
  await publish('-V', '5', '-q', '1', '-t', 'clients/answer', '-m', 'answer', '-D', 'publish', 'correlation-data', 'nine');
  assert.equal((await asked).stdout, 'answer\n');
});

test('mosquitto_sub reads what the broker says about itself under $SYS', options, async () => {
  const sys = (topic: string): Promise<{ stdout: string }> => run('mosquitto_sub', at('-t', topic, '-C', '1', '-W', '30'));
  assert.match((await sys('$SYS/broker/version')).stdout, /^\S.*\n$/);
  assert.match((await sys('$SYS/broker/uptime')).stdout, /^\d+/);
  assert.match((await sys('$SYS/brokers')).stdout, /^\S+@\S+\n$/);
  const { stdout } = await run('mosquitto_sub', at('-t', '$SYS/brokers/+/version', '-C', '1', '-v', '-W', '30'));
  assert.match(stdout, /^\$SYS\/brokers\/\S+@\S+\/version \d+\.\d+/);
});

test('mosquitto_pub -l sends every line of its input, and --remove-retained clears what was kept', options, async (t) => {
  const subscriber = await Subscriber.start(t, at('-q', '1', '-t', 'clients/lines'), '%p');
  const lines = Array.from({ length: 200 }, (_, i) => `line ${i}`);
  const file = join(directory.path, 'lines');
  await writeFile(file, `${lines.join('\n')}\n`);
  await run('sh', ['-c', 'exec mosquitto_pub "$@" < "$0"', file, ...at('-q', '1', '-t', 'clients/lines', '-l', '-r')]);
  for (const line of lines) assert.equal(await subscriber.next(), line);
  await Subscriber.start(t, at('-t', 'clients/lines', '--remove-retained'));
  // What clears it is a message without a payload.
  assert.equal(await subscriber.next(), '');
  await publish('-t', 'clients/lines-end', '-m', 'end', '-r');
  const { stdout } = await run('mosquitto_sub', at('-t', 'clients/lines', '-t', 'clients/lines-end', '-C', '1'));
  assert.equal(stdout, 'end\n');
});
