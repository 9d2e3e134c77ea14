import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType, ReasonCode } from '@wrenmq/codec';
import { Counters } from '#base/counters.ts';
import { OperationalError } from '#base/errors.ts';
import type { Committer, Waiter } from '#store/committer.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { ChunkPool } from './chunk-pool.ts';
import { Outbox } from './outbox.ts';
import { TestLink } from './test-house.ts';

const { PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;
const full = new OperationalError('store.full', 'the disk is full', { retryable: true });

/** A committer whose batches end when the test says so. */
class HandCommitter {
  sequence = 1;
  readonly waiters = new Map<number, Waiter>();

  whenDurable(waiter: Waiter): number {
    assert.ok(!this.waiters.has(this.sequence), 'one call for each batch');
    this.waiters.set(this.sequence, waiter);
    return this.sequence;
  }

  seal(): void {
    this.sequence += 1;
  }

  settle(sequence: number, error: OperationalError | null = null): void {
    this.waiters.get(sequence)?.onDurable(sequence, error);
    this.waiters.delete(sequence);
  }
}

function create(endsAt: number | null = null) {
  const committer = new HandCommitter();
  const link = new TestLink();
  const outbox = new Outbox(link, { pool: new ChunkPool(), counters: new Counters(), flusher: { add() {} } as never });
  const refused: [number, number][] = [];
  const acknowledgements: Acknowledgements = new Acknowledgements(outbox, committer as unknown as Committer, {
    onRefusedAcknowledgement(type, packetId) {
      refused.push([type, packetId]);
      return type !== endsAt;
    },
    onReleased() {},
  });
  /** Packets that went out since the last call: `type packetId[ reason]`, or what is no acknowledgement as text. */
  const sent = (): string[] => {
    outbox.flush();
    const bytes = link.take();
    const packets: string[] = [];
    for (let at = 0; at < bytes.length; at += 2 + bytes[at + 1]) {
      const [first, length] = bytes.subarray(at);
      const body = bytes.subarray(at + 2, at + 2 + length);
      const type = first >> 4;
      if (type < PUBACK || type > PUBCOMP) packets.push(body.toString());
      else packets.push(`${type} ${body.readUInt16BE(0)}${length === 3 ? ` 0x${body[2].toString(16)}` : ''}`);
    }
    return packets;
  };
  const text = (value: string): Uint8Array => Buffer.from([0xd0, value.length, ...Buffer.from(value)]);
  return { committer, outbox, acknowledgements, refused, sent, text };
}

test('what waits for nothing goes out at once, with the bytes of its type [MQTT-3.6.1-1]', () => {
  const { acknowledgements, sent, outbox } = create();
  acknowledgements.acknowledge(PUBACK, 1, 0, false);
  acknowledgements.acknowledge(PUBREL, 2, ReasonCode.PacketIdentifierNotFound, false);
  outbox.flush();
  assert.equal(outbox.counters.packetsSent, 2);
  assert.deepEqual(sent(), ['4 1', '6 2 0x92']);
  acknowledgements.acknowledge(PUBREL, 3, 0, false);
  assert.equal(outbox.chunk![0], 0x62);
});

test('what waits for the disk goes out when its batch is on it, not before', () => {
  const { acknowledgements, committer, sent } = create();
  acknowledgements.acknowledge(PUBACK, 1, 0, true);
  assert.deepEqual(sent(), []);
  assert.equal(acknowledgements.held, 1);
  committer.seal();
  assert.deepEqual(sent(), []);
  committer.settle(1);
  assert.deepEqual(sent(), ['4 1']);
  assert.equal(acknowledgements.held, 0);
});

test('acknowledgements leave in the order of the packets [MQTT-4.6.0-2] [MQTT-4.6.0-3]', () => {
  const { acknowledgements, committer, sent, text } = create();
  acknowledgements.acknowledge(PUBACK, 1, 0, true);
  acknowledgements.acknowledge(PUBACK, 2, 0, false);
  acknowledgements.send(text('ping'), false);
  committer.seal();
  acknowledgements.acknowledge(PUBREC, 3, 0, true);
  acknowledgements.acknowledge(PUBACK, 4, ReasonCode.NotAuthorized, false);
  assert.deepEqual(sent(), []);
  committer.settle(1);
  assert.deepEqual(sent(), ['4 1', '4 2', 'ping']);
  committer.settle(2);
  assert.deepEqual(sent(), ['5 3', '4 4 0x87']);
  acknowledgements.acknowledge(PUBACK, 5, 0, false);
  assert.deepEqual(sent(), ['4 5']);
});

test('what only waits for its turn asks for no commit of its own', () => {
  const { acknowledgements, committer, sent } = create();
  acknowledgements.acknowledge(PUBACK, 1, 0, true);
  committer.seal();
  acknowledgements.acknowledge(PUBACK, 2, 0, false);
  assert.equal(committer.waiters.has(2), false);
  committer.settle(1);
  assert.deepEqual(sent(), ['4 1', '4 2']);
});

test('a refused commit: MQTT 5 hears 0x97, and what did not depend on it hears the truth (D5)', () => {
  const { acknowledgements, committer, refused, sent, text } = create();
  acknowledgements.acknowledge(PUBACK, 1, 0, true);
  acknowledgements.acknowledge(PUBACK, 2, 0, false);
  acknowledgements.acknowledge(PUBREC, 3, ReasonCode.NoMatchingSubscribers, true);
  acknowledgements.acknowledge(PUBREL, 4, 0, false);
  acknowledgements.send(text('ping'), false);
  committer.seal();
  committer.settle(1, full);
  assert.deepEqual(sent(), ['4 1 0x97', '4 2', '5 3 0x97', '6 4', 'ping']);
  assert.deepEqual(refused, [
    [PUBACK, 1],
    [PUBREC, 3],
  ]);
});

test('a refused commit that ends the connection sends nothing more, and takes back all that was in it', () => {
  const { acknowledgements, committer, refused, sent, text } = create(PUBREC);
  acknowledgements.acknowledge(PUBREC, 1, 0, true);
  acknowledgements.acknowledge(PUBREC, 2, 0, true);
  acknowledgements.acknowledge(PUBACK, 3, 0, true);
  acknowledgements.send(text('late'), false);
  committer.seal();
  committer.settle(1, full);
  assert.deepEqual(refused, [
    [PUBREC, 1],
    [PUBREC, 2],
    [PUBACK, 3],
  ]);
  assert.deepEqual(sent(), []);
  assert.equal(acknowledgements.unacknowledgedQoS1, 0);
});

test('another packet that depended on a refused commit is not sent', () => {
  const { acknowledgements, committer, refused, sent, text } = create(0);
  acknowledgements.send(text('suback'), true);
  committer.seal();
  committer.settle(1, full);
  assert.deepEqual(sent(), []);
  assert.deepEqual(refused, [[0, 0]]);
});

test('QoS 1 messages that are not acknowledged yet are counted, for Receive Maximum', () => {
  const { acknowledgements, committer } = create();
  acknowledgements.acknowledge(PUBACK, 1, 0, false);
  assert.equal(acknowledgements.unacknowledgedQoS1, 0);
  acknowledgements.acknowledge(PUBACK, 2, 0, true);
  acknowledgements.acknowledge(PUBREC, 3, 0, true);
  acknowledgements.acknowledge(PUBACK, 4, 0, false);
  assert.equal(acknowledgements.unacknowledgedQoS1, 2);
  committer.seal();
  committer.settle(1, full);
  assert.equal(acknowledgements.unacknowledgedQoS1, 0);
});
