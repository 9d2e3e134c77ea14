// HOT
/** Nanoseconds per operation of the codec's hot functions: `node --conditions=@wrenmq/source bench/micro/codec.ts`. A few seconds. */
import {
  AcknowledgementFrame,
  FrameDecoder,
  PacketType,
  PublishFrame,
  decodeAcknowledgement,
  decodePacket,
  decodePublish,
  encodePacket,
  publishFirstByte,
  publishRemainingLength,
  writeFixedHeader,
  writeUint16,
} from '@wrenmq/codec';
import type { PublishPacket } from '@wrenmq/codec';

const rounds = 5;
const roundMs = 120;
const batch = 1000;

/** Prints the best and the median of some rounds; `run` does `batch` operations. */
function measure(name: string, run: () => void): void {
  const nanoseconds: number[] = [];
  for (let round = 0; round < rounds + 1; round++) {
    const start = performance.now();
    let operations = 0;
    let now = start;
    for (; now - start < roundMs; now = performance.now()) {
      run();
      operations += batch;
    }
    // The first round warms up.
    if (round > 0) nanoseconds.push(((now - start) * 1e6) / operations);
  }
  nanoseconds.sort((a, b) => a - b);
  const [best, median] = [nanoseconds[0], nanoseconds[rounds >> 1]].map((value) => value.toFixed(1).padStart(8));
  console.log(`${name.padEnd(52)} best ${best} ns, median ${median} ns`);
}

const payload = new Uint8Array(64).fill(0x61);
const plain: PublishPacket = {
  type: PacketType.PUBLISH,
  topic: 'bench/0001/topic',
  payload,
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
};
const rich: PublishPacket = {
  ...plain,
  qos: 1,
  packetId: 1,
  properties: { messageExpiryInterval: 60, contentType: 'text/plain', userProperties: [['name', 'value']] },
};

function repeated(bytes: Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: batch }, () => bytes));
}

const into = new PublishFrame();
const acknowledgement = new AcknowledgementFrame();
for (const [name, packet, version] of [
  ['QoS 0, 64 bytes, 3.1.1', plain, 4],
  ['QoS 0, 64 bytes, 5.0', plain, 5],
  ['QoS 1, 3 properties, 5.0', rich, 5],
] as const) {
  const stream = repeated(encodePacket(packet, version));
  const decoder = new FrameDecoder<Buffer>((bytes) => Buffer.allocUnsafe(bytes), 1 << 20);
  const fast = {
    onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
      decodePublish(into, version, first, bytes, body, end);
      return true;
    },
  };
  const slow = {
    onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
      decodePacket(version, first, bytes, body, end);
      return true;
    },
  };
  measure(`frame + decodePublish, ${name}`, () => decoder.push(stream, 0, stream.length, fast));
  measure(`frame + decodePacket, ${name}`, () => decoder.push(stream, 0, stream.length, slow));
  measure(`encodePacket, ${name}`, () => {
    for (let count = 0; count < batch; count++) encodePacket(packet, version);
  });
}

const acknowledgements = repeated(encodePacket({ type: PacketType.PUBACK, packetId: 1, reasonCode: 0 }, 4));
const decoder = new FrameDecoder<Buffer>((bytes) => Buffer.allocUnsafe(bytes), 1 << 20);
const acknowledgementSink = {
  onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
    decodeAcknowledgement(acknowledgement, 5, first, bytes, body, end);
    return true;
  },
};
measure('frame + decodeAcknowledgement, PUBACK', () => decoder.push(acknowledgements, 0, acknowledgements.length, acknowledgementSink));

const chunk = Buffer.allocUnsafe(1 << 16);
const source = Buffer.from(encodePacket(plain, 4));
measure('write a PUBLISH from slices, QoS 1', () => {
  for (let count = 0; count < batch; count++) {
    const length = publishRemainingLength(4, 16, 0, 64, 1);
    let at = writeFixedHeader(chunk, 0, publishFirstByte(1, false, false), length);
    source.copy(chunk, at, 2, 20);
    at = writeUint16(chunk, at + 18, count);
    source.copy(chunk, at, 20);
  }
});
