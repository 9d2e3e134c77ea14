import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPacket, ServerViolation, splitPacket, type ServerPacket } from './packet-reader.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** The fields of a packet but its bytes. */
const fields = ({ raw, ...rest }: ServerPacket): object => {
  assert.ok(raw.length > 1);
  return rest;
};

test('packets of a server are read in every version', () => {
  assert.deepEqual(fields(readPacket(4, bytes('20 02 01 00'))), { type: 'connack', sessionPresent: true, reasonCode: 0, properties: {} });
  assert.deepEqual(fields(readPacket(5, bytes('32 0c 0003 612f62 0007 02 01 01 6869'))), {
    type: 'publish',
    topic: 'a/b',
    payload: Buffer.from('hi'),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 7,
    properties: { payloadFormatIndicator: 1 },
  });
  assert.deepEqual(fields(readPacket(5, bytes('40 02 0001'))), { type: 'puback', packetId: 1, reasonCode: 0, properties: {} });
  assert.deepEqual(fields(readPacket(5, bytes('e0 01 8e'))), { type: 'disconnect', reasonCode: 0x8e, properties: {} });
  assert.deepEqual(fields(readPacket(4, bytes('90 04 0001 00 80'))), {
    type: 'suback',
    packetId: 1,
    reasonCodes: [0, 0x80],
    properties: {},
  });
});

test('what a server must not send is reported', () => {
  const broken: [4 | 5, string, RegExp][] = [
    [4, '21 02 00 00', /flags/],
    [4, '20 02 02 00', /reserved/],
    [4, '20 02 01 05', /Session Present/],
    [4, '20 03 00 00 00', /too many/],
    [5, '20 03 00 04 00', /Reason Code 0x4/],
    [5, '20 05 00 00 03 21 00', /too short/],
    [5, '36 05 0001 61 00 01', /both QoS/],
    [4, '38 03 0001 61', /DUP/],
    [4, '30 03 0001 23', /wildcards/],
    [4, '32 05 0001 61 0000', /Identifier is 0/],
    [5, '30 06 0001 61 02 2300', /too short/],
    [5, '40 07 0001 00 03 23 0001', /does not have topicAlias/],
    [4, 'e0 00', /before MQTT 5/],
    [4, '30 04 0002 c328', /ill-formed/],
    [4, '30 03 0001 00', /U\+0000/],
  ];
  for (const [version, hex, expected] of broken) {
    assert.throws(
      () => readPacket(version, bytes(hex)),
      (error) => error instanceof ServerViolation && expected.test(error.message),
      hex,
    );
  }
});

test('a stream is split where packets end, and a Remaining Length that is too long is reported', () => {
  const stream = Buffer.concat([bytes('d000'), bytes('20020000')]);
  for (let end = 0; end < 2; end += 1) assert.equal(splitPacket(stream.subarray(0, end)), null);
  const split = splitPacket(stream);
  assert.deepEqual(split, { packet: bytes('d000'), rest: bytes('20020000') });
  assert.throws(() => splitPacket(bytes('d08000')), ServerViolation);
  assert.throws(() => splitPacket(bytes('d0ffffffff01')), ServerViolation);
});
