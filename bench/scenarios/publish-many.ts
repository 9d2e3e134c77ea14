import { publishBytes } from '@wrenmq/testkit';
import type { Contender } from '#root/bench/contender.ts';
import { RawClient } from './raw-client.ts';

/** PUBLISH packets that may wait for their PUBACK: less than any broker's Receive Maximum. */
const WINDOW = 500;

/** What publishing cost. */
export interface PublishCost {
  readonly ms: number;
  /** CPU time of the broker, deliveries included. */
  readonly cpuMicrosecondsEach: number;
}

/** Publishes `count` messages at QoS 1, so that the broker sets the pace, and resolves with the last PUBACK. */
export async function publishMany(
  broker: Contender,
  count: number,
  message: (index: number) => { topic: string; payload: Buffer; retain?: boolean },
): Promise<PublishCost> {
  const client = await RawClient.connect(broker.port, 'publish-many');
  const cpu = broker.cpuSeconds();
  const begin = performance.now();
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    let acknowledged = 0;
    const fill = (): void => {
      const packets: Buffer[] = [];
      for (; sent < count && sent - acknowledged < WINDOW; sent += 1) {
        packets.push(publishBytes(4, { ...message(sent), qos: 1, packetId: (sent % 65_535) + 1 }));
      }
      if (packets.length > 0) client.send(Buffer.concat(packets));
    };
    client.onClose = (error) => reject(error ?? new Error('the broker closed the connection'));
    client.onPacket = () => {
      acknowledged += 1;
      if (acknowledged === count) resolve();
      else if (sent - acknowledged < WINDOW / 2) fill();
    };
    fill();
  });
  client.onClose = () => undefined;
  const ms = Math.round(performance.now() - begin);
  const cpuMicrosecondsEach = Math.round(((broker.cpuSeconds() - cpu) / count) * 1e7) / 10;
  client.close();
  return { ms, cpuMicrosecondsEach };
}
