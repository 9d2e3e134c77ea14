/** What the history costs a publish: `node --conditions=@wrenmq/source bench/micro/history.ts`. About 20 seconds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#root/packages/broker/src/base/clock.ts';
import { silentLogger } from '#root/packages/broker/src/base/logger.ts';
import { openHistory } from '#root/packages/broker/src/history/open-history.ts';
import { createMessage, type QoS } from '#root/packages/broker/src/message/message.ts';

const MESSAGES = 1_000_000;
const TURN = 500;
const FLUSHED = 20_000;
const PAYLOAD = Buffer.alloc(64, 'x');

interface Load {
  readonly name: string;
  readonly topics: number;
  readonly qos: QoS;
  readonly qos0BytesPerSecond: number;
}

const loads: readonly Load[] = [
  { name: 'QoS 1, 1 topic', topics: 1, qos: 1, qos0BytesPerSecond: 0 },
  { name: 'QoS 1, 50 topics', topics: 50, qos: 1, qos0BytesPerSecond: 0 },
  { name: 'QoS 1, 10,000 topics', topics: 10_000, qos: 1, qos0BytesPerSecond: 0 },
  { name: 'QoS 0, 50 topics, over the budget', topics: 50, qos: 0, qos0BytesPerSecond: 0 },
];

/** CPU nanoseconds for each message: in `append`, and of all threads with the writing and sealing. */
async function measure({ topics, qos, qos0BytesPerSecond }: Load): Promise<{ appendNs: number; allNs: number; missed: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'wrenmq-history-'));
  const settings = { enabled: true, bytesMax: 2 ** 28, ageMaxMs: 86_400_000, qos0BytesPerSecond, exclude: [], rules: {} };
  const history = await openHistory({ directory, kind: 'disk', clock: systemClock, log: silentLogger, settings });
  const load = Array.from({ length: topics }, (_, index) => {
    const topic = `site/${index % 10}/device/${index}`;
    const message = createMessage({ topic, payload: PAYLOAD, qos, publisher: `device-${index}`, receivedAtMs: Date.now() });
    return { slot: history.slotOf(topic)!, message };
  });
  let appendUs = 0;
  const begun = process.cpuUsage();
  for (let sent = 0; sent < MESSAGES; sent += TURN) {
    const before = process.threadCpuUsage();
    for (let i = 0; i < TURN; i += 1) {
      const { message, slot } = load[(sent + i) % topics];
      history.append(message, slot);
    }
    const after = process.threadCpuUsage();
    appendUs += after.user + after.system - before.user - before.system;
    // The load comes faster than any disk takes it.
    if (sent % FLUSHED === 0) await history.flush();
    else await new Promise((resolve) => setImmediate(resolve));
  }
  await history.close();
  const all = process.cpuUsage(begun);
  const { gaps } = history.statistics();
  rmSync(directory, { recursive: true });
  const nsPerMessage = (us: number): number => Math.round((us * 1000) / MESSAGES);
  return { appendNs: nsPerMessage(appendUs), allNs: nsPerMessage(all.user + all.system), missed: gaps['disk-slow'] + gaps['disk-refused'] };
}

for (const load of [...loads, ...loads]) {
  const { appendNs, allNs, missed } = await measure(load);
  const slow = missed > 0 ? `, ${missed} passed over by the disk` : '';
  console.log(
    `${load.name.padEnd(36)} append ${String(appendNs).padStart(5)} ns, with writing and sealing ${String(allNs).padStart(5)} ns${slow}`,
  );
}
