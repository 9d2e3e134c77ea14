import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineReader, needs, run, useLaunchedBroker } from './interop.ts';

// mosquitto_pub and mosquitto_sub in the three versions.

const place = useLaunchedBroker();
const options = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const versions = ['31', '311', '5'] as const;

const at = (...more: readonly string[]): string[] => ['-h', '127.0.0.1', '-p', `${place.port('tcp')}`, ...more];

for (const version of versions) {
  test(`mosquitto_pub and mosquitto_sub speak ${version} at every QoS, and retained messages`, options, async (t) => {
    const topic = `clients/${version}`;
    // -d tells when the subscription stands.
    const reader = new LineReader('stdbuf', ['-oL', 'mosquitto_sub', ...at('-V', version, '-q', '2', '-t', `${topic}/#`, '-v', '-d')]);
    t.after(() => reader.stop());
    await reader.find((line) => line.startsWith('Subscribed'));
    for (const qos of ['0', '1', '2']) {
      await run('mosquitto_pub', at('-V', version, '-q', qos, '-t', `${topic}/${qos}`, '-m', `hello ${qos}`, '-r'));
      assert.equal(await reader.find((line) => line.startsWith(topic)), `${topic}/${qos} hello ${qos}`);
    }
    const { stdout } = await run('mosquitto_sub', at('-V', version, '-q', '1', '-t', `${topic}/+`, '-v', '-C', '3'));
    assert.deepEqual(
      stdout.trim().split('\n').toSorted(),
      ['0', '1', '2'].map((qos) => `${topic}/${qos} hello ${qos}`),
    );
  });

  test(`a persistent session of mosquitto_sub gets what came while it was away (${version})`, options, async () => {
    const topic = `away/${version}`;
    const session = ['-V', version, '-i', `away-${version}`, '-c', '-q', '1', '-t', topic, ...(version === '5' ? ['-x', '600'] : [])];
    await run('mosquitto_sub', at(...session, '-E'));
    for (const payload of ['a', 'b', 'c']) await run('mosquitto_pub', at('-V', version, '-q', '1', '-t', topic, '-m', payload));
    const { stdout } = await run('mosquitto_sub', at(...session, '-C', '3'));
    assert.equal(stdout, 'a\nb\nc\n');
  });
}

test('mosquitto_pub over TLS trusts the certificate that the broker made', options, async () => {
  const tls = ['-h', 'localhost', '-p', `${place.port('tls')}`, '--cafile', place.caFile];
  await run('mosquitto_pub', [...tls, '-t', 'clients/tls', '-m', 'secret', '-r', '-q', '1']);
  const { stdout } = await run('mosquitto_sub', [...tls, '-t', 'clients/tls', '-C', '1']);
  assert.equal(stdout, 'secret\n');
});

test('mosquitto_rr gets its answer by response topic and correlation data', options, async (t) => {
  const responder = new LineReader('stdbuf', ['-oL', 'mosquitto_sub', ...at('-V', '5', '-t', 'clients/ask', '-F', '%R', '-d')]);
  t.after(() => responder.stop());
  await responder.find((line) => line.startsWith('Subscribed'));
  const asked = run('mosquitto_rr', at('-V', '5', '-t', 'clients/ask', '-e', 'clients/answer', '-m', 'question'));
  assert.equal(await responder.find((line) => line === 'clients/answer'), 'clients/answer');
  await run('mosquitto_pub', at('-V', '5', '-t', 'clients/answer', '-m', 'answer'));
  assert.equal((await asked).stdout, 'answer\n');
});
