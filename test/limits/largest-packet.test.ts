import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as openSocket, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  acknowledgementBytes,
  connectBytes,
  launchBroker,
  subscribeBytes,
  uint16,
  utf8,
  variableByteInteger,
  type LaunchedBroker,
} from '@wrenmq/testkit';

// A packet as large as MQTT allows, for real: sent and received as a stream, so that only the broker ever holds it.

const MIB = 1024 * 1024;
/** The fixed header has five bytes, which count. */
const remaining = 256 * MIB - 5;
const topic = 'largest/packet';
/** Different at each place, so that a part at the wrong one is seen. */
const part = Buffer.alloc(MIB);
for (let at = 0; at + 4 <= part.length; at += 4) part.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);

/** A socket, with the CONNACK taken. */
async function connect(broker: LaunchedBroker, clientId: string): Promise<{ socket: Socket; isPresent: boolean }> {
  const socket = openSocket(broker.target().port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  socket.write(connectBytes(4, { clientId, clean: false }));
  const [connack] = (await once(socket, 'data')) as [Buffer];
  assert.equal(connack[3], 0);
  return { socket, isPresent: connack[2] === 1 };
}

/** Sends the packet at QoS 1 and waits for its PUBACK. Returns the hash of everything after its fixed header. */
async function sendLargest(socket: Socket): Promise<string> {
  const start = Buffer.concat([utf8(topic), uint16(1)]);
  const hash = createHash('sha256').update(start);
  const acknowledged = once(socket, 'data') as Promise<[Buffer]>;
  socket.write(Buffer.concat([Buffer.of(0x32), variableByteInteger(remaining), start]));
  let left = remaining - start.length;
  while (left > 0) {
    const piece = part.subarray(0, Math.min(left, part.length));
    hash.update(piece);
    left -= piece.length;
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), acknowledged]);
  }
  assert.deepEqual([...(await acknowledged)[0]], [0x40, 2, 0, 1]);
  return hash.digest('hex');
}

/** Takes the packet, which comes with the identifier 1; returns the hash of what follows its fixed header. */
async function takeLargest(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  let taken = 0;
  let header = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    let rest = chunk;
    if (header.length < 5) {
      const missing = 5 - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
    }
    hash.update(rest);
    taken += rest.length;
    if (taken >= remaining) break;
  }
  assert.equal(header.toString('hex'), `32${variableByteInteger(remaining).toString('hex')}`);
  assert.equal(taken, remaining);
  return hash.digest('hex');
}

/** The most memory that the broker ever had, MiB. */
async function peakMiB({ pid }: LaunchedBroker): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

for (const isOnline of [true, false]) {
  test(`a packet of 256 MiB is delivered to a durable session, ${isOnline ? 'at once' : 'when it comes back after a restart'}`, async () => {
    await using broker = await launchBroker({ settings: { 'limits.packetBytesMax': '256MiB', 'session.queueBytesMax': '1GiB' } });
    let { socket: subscriber } = await connect(broker, 'subscriber');
    subscriber.write(subscribeBytes(4, 1, [{ filter: topic, qos: 1 }]));
    await once(subscriber, 'data');
    if (!isOnline) {
      subscriber.destroy();
      await once(subscriber, 'close');
    }
    const { socket: publisher } = await connect(broker, 'publisher');
    const received = isOnline ? takeLargest(subscriber) : null;
    const sent = await sendLargest(publisher);
    if (!isOnline) {
      await broker.restart('SIGKILL');
      const again = await connect(broker, 'subscriber');
      subscriber = again.socket;
      assert.equal(again.isPresent, true);
    }
    assert.equal(await (received ?? takeLargest(subscriber)), sent);
    subscriber.write(acknowledgementBytes('puback', 1));
    const peak = await peakMiB(broker);
    assert.ok(peak < 6 * 256, `the broker had ${peak} MiB`);
    for (const socket of [subscriber, publisher]) socket.destroy();
  });
}
