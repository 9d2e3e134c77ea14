/** The process of a Crowd: `crowd-process.ts PORT OPTIONS`. Prints its result as a line of JSON, then stays until it is killed. */
import { PacketType } from '@wrenmq/codec';
import { connectBytes, disconnectBytes, subscribeBytes } from '@wrenmq/testkit';
import { percentile } from '#root/bench/statistics.ts';
import type { CrowdOptions, CrowdResult } from './crowd.ts';
import { RawClient } from './raw-client.ts';

const port = Number(process.argv[2]);
const options = JSON.parse(process.argv[3]) as CrowdOptions;
const version = options.expiry === undefined ? 4 : 5;
const disconnect = disconnectBytes();

/** One client from connect to its last answer, in milliseconds. */
function join(index: number): Promise<number> {
  const begin = performance.now();
  const connectPacket = connectBytes(version, {
    clientId: `${options.prefix ?? 'crowd'}-${index}`,
    clean: options.expiry === undefined,
    ...(options.expiry === undefined ? {} : { properties: { sessionExpiryInterval: options.expiry } }),
  });
  const subscribes = options.subscribes !== false;
  return new Promise((resolve, reject) => {
    const done = (): void => {
      client.onClose = () => undefined;
      if (options.leaves === true) client.socket.end(disconnect);
      resolve(performance.now() - begin);
    };
    const client = new RawClient(port, (first, bytes, body, end) => {
      const type = first >> 4;
      const isRefused = type === PacketType.CONNACK ? bytes[body + 1] !== 0 : bytes[end - 1] >= 0x80;
      if (isRefused) reject(new Error(`refused: ${bytes.toString('hex', body, end)}`));
      else if (type === PacketType.SUBACK || !subscribes) done();
      else client.send(subscribeBytes(version, 1, [{ filter: `crowd/${index}`, qos: 1 }]));
    });
    client.onClose = (error) => reject(error ?? new Error('closed by the broker'));
    client.send(connectPacket);
  });
}

async function gather(): Promise<CrowdResult> {
  const begin = performance.now();
  const times: number[] = [];
  const errors: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < options.count) {
      await join(next++).then(
        (ms) => times.push(ms),
        (error: unknown) => errors.push(String(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: options.parallel ?? options.count }, worker));
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  return {
    served: times.length,
    failed: errors.length,
    firstError: errors[0] ?? null,
    ms: Math.round(performance.now() - begin),
    p50Ms: round(percentile(times, 0.5)),
    p99Ms: round(percentile(times, 0.99)),
    maxMs: round(percentile(times, 1)),
  };
}

console.log(JSON.stringify(await gather()));
// Nothing but its clients keeps this process: it goes with them, or when it is killed.
setInterval(() => undefined, 60_000);
