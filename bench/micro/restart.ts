/**
 * How long a restart after SIGKILL takes with a million retained messages of about 300 B in the store, program included, beside what is
 * promised (D10: 1 s + 1 s per GiB): `node --conditions=@wrenmq/source bench/micro/restart.ts [rounds]`. About 30 seconds.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchBroker, tempDirectory } from '@wrenmq/testkit';
import { systemClock } from '#root/packages/broker/src/base/clock.ts';
import { silentLogger } from '#root/packages/broker/src/base/logger.ts';
import { loadConfig } from '#root/packages/broker/src/config/load-config.ts';
import { createMessage } from '#root/packages/broker/src/message/message.ts';
import { Retained } from '#root/packages/broker/src/retained/retained.ts';
import { Committer } from '#root/packages/broker/src/store/committer.ts';
import { openStore } from '#root/packages/broker/src/store/open-store.ts';

const MESSAGES = 1_000_000;
const PER_COMMIT = 2000;
/** Prime, and larger than the number of messages: each topic comes once, in no order. */
const STEP = 7_368_787;
const limits = { 'limits.retainedMessagesMax': 2 * MESSAGES, 'limits.retainedBytesMax': '10GB' };

/** Returns the size of the store. */
async function fill(directory: string): Promise<number> {
  const store = await openStore({ directory, kind: 'disk', log: silentLogger });
  const committer = new Committer(store, systemClock, (error) => {
    throw error;
  });
  const { retained: settings } = loadConfig({ overrides: { dataDirectory: directory } }).config;
  const retained = await Retained.open({
    store,
    committer,
    clock: systemClock,
    log: silentLogger,
    onDropped: () => {},
    settings: { ...settings, messagesMax: 2 * MESSAGES, bytesMax: 1e10, storeRatePerSecond: 1e9 },
  });
  const payload = Buffer.alloc(290, 7);
  for (let i = 0; i < MESSAGES; i += 1) {
    const topic = `sensors/${(i * STEP) % MESSAGES}`;
    retained.set(createMessage({ topic, payload, qos: 1, retain: true, publisher: 'bench', receivedAtMs: Date.now() }));
    if (i % PER_COMMIT === 0) await committer.durable();
  }
  await committer.durable();
  // What is written in the background is done.
  for (let bytes = -1; bytes !== store.statistics().bytesOnDisk;) {
    bytes = store.statistics().bytesOnDisk;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  const { bytesOnDisk } = store.statistics();
  await store.close();
  return bytesOnDisk;
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

await using directory = await tempDirectory('wrenmq-bench-restart-');
const dataDirectory = join(directory.path, 'data');
const bytes = await fill(dataDirectory);
console.log(`${(bytes / 2 ** 30).toFixed(2)} GiB: promised are ${(1 + bytes / 2 ** 30).toFixed(2)} s`);
for (let round = 0; round <= Number(process.argv[2] ?? 5); round += 1) {
  const begin = performance.now();
  await using broker = await launchBroker({ dataDirectory, settings: { 'log.level': 'warn', ...limits }, readyTimeoutMs: 60_000 });
  const seconds = (performance.now() - begin) / 1000;
  console.log(`${round === 0 ? 'first start' : 'after SIGKILL'}: ${seconds.toFixed(2)} s, ${cpuSecondsOf(broker.pid).toFixed(2)} s of CPU`);
  // Compiled code is kept once the start is over.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await broker.kill('SIGKILL');
}
