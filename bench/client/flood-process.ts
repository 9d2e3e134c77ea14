/** `flood-process.ts PORT QOS`: publishes as fast as the broker takes it, until it is killed. QoS 1 by many publishers with a window each. */
import { publishBytes } from '@wrenmq/testkit';
import { RawClient } from '#root/bench/scenarios/raw-client.ts';
import { PAYLOAD_BYTES } from './client-under-test.ts';

const TOPIC = 'bench/client/speed';
const PUBLISHERS = 4;
const WINDOW = 1000;
const payload = Buffer.alloc(PAYLOAD_BYTES, 'x');

async function floodQoS0(port: number): Promise<void> {
  const client = await RawClient.connect(port, 'flood');
  const chunk = Buffer.concat(Array.from({ length: WINDOW * 4 }, () => publishBytes(4, { topic: TOPIC, payload })));
  const fill = (): void => {
    while (client.socket.write(chunk));
  };
  client.socket.on('drain', fill);
  fill();
}

async function floodQoS1(port: number, index: number): Promise<void> {
  const client = await RawClient.connect(port, `flood-${index}`);
  const half = WINDOW / 2;
  const chunks = [0, 1].map((part) =>
    Buffer.concat(
      Array.from({ length: half }, (_, at) => publishBytes(4, { topic: TOPIC, payload, qos: 1, packetId: part * half + at + 1 })),
    ),
  );
  let acknowledged = 0;
  client.onPacket = () => {
    acknowledged += 1;
    if (acknowledged % half === 0) client.send(chunks[(acknowledged / half - 1) % 2]);
  };
  chunks.forEach((chunk) => client.send(chunk));
}

const [port, qos] = process.argv.slice(2).map(Number);
if (qos === 0) await floodQoS0(port);
else await Promise.all(Array.from({ length: PUBLISHERS }, (_, index) => floodQoS1(port, index)));
console.log('flooding');
