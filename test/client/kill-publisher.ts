/**
 * The process that kill.test.ts kills. It enqueues QoS 2 messages to a file store at full speed and says, line by line, what has
 * happened: `enqueued ID` when enqueue has returned, `acked ID` when the broker has it. With a count of 0 it only sends what is left,
 * and then a last message.
 */
import { writeSync } from 'node:fs';
import { createClient } from '@wrenmq/client';
import { fileStore } from '@wrenmq/client/store/file';

const [url, directory, round, count] = process.argv.slice(2);
const TOPIC = 'kill/messages';
/** Messages that wait for the broker at a time: with more, a round would only fill the queue. */
const OPEN_MAX = 300;

const say = (what: string): void => void writeSync(1, `${what}\n`);

const client = createClient(url, {
  clientId: 'killed',
  keepAlive: 5,
  reconnect: { minDelay: 10, maxDelay: 50 },
  session: { store: fileStore(directory) },
  outbound: { maxInflight: 50 },
});
client.on('stopped', ({ error }) => say(`stopped ${error.message}`));
client.on('error', ({ error }) => say(`error ${String(error)}`));
client.on('sessionlost', ({ republished, failed }) => say(`sessionlost ${republished} ${failed}`));
client.on('online', ({ sessionPresent }) => say(`online ${sessionPresent}`));

if (count === '0') {
  await client.drain();
  await client.publish(TOPIC, 'end', { qos: 2 });
  await client.close();
  say('drained');
} else {
  const open = new Set<Promise<unknown>>();
  for (let number = 0; number < Number(count); number += 1) {
    while (open.size >= OPEN_MAX) await Promise.race(open);
    const id = `${round}-${number}`;
    const entry = client.enqueue(TOPIC, id, { qos: 2 }).then(({ acked }) => {
      say(`enqueued ${id}`);
      return acked.then(() => say(`acked ${id}`));
    });
    open.add(entry);
    entry.finally(() => open.delete(entry)).catch((error: unknown) => say(`error ${String(error)}`));
  }
  await Promise.all(open);
  say('idle');
}
