/** `read-all-process.ts PORT COUNT`: subscribes to # and prints, as a line of JSON, when COUNT messages have come. */
import { PacketType } from '@wrenmq/codec';
import { subscribeBytes } from '@wrenmq/testkit';
import { RawClient } from './raw-client.ts';

async function readAll(port: number, count: number): Promise<void> {
  const client = await RawClient.connect(port, 'read-all');
  const begin = performance.now();
  let received = 0;
  client.onPacket = (first) => {
    if (first >> 4 !== PacketType.PUBLISH) return;
    received += 1;
    if (received === count) console.log(JSON.stringify({ ms: Math.round(performance.now() - begin), received }));
  };
  client.onClose = (error) => {
    console.error(`closed after ${received} messages: ${String(error)}`);
    process.exit(1);
  };
  client.send(subscribeBytes(4, 1, [{ filter: '#' }]));
}

await readAll(Number(process.argv[2]), Number(process.argv[3]));
