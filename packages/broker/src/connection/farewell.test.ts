import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Packet, PacketType, ReasonCode } from '@wrenmq/codec';
import { type Farewell, farewellPacket } from './farewell.ts';

function farewell(fields: Partial<Farewell>): Packet | null {
  const { ServerShuttingDown: reasonCode } = ReasonCode;
  return farewellPacket({ version: 5, isConnected: true, reasonCode, reason: 'why', serverReference: null, ...fields });
}

test('MQTT 5 hears the reason code, the reason and the server to use instead', () => {
  const { UseAnotherServer: reasonCode } = ReasonCode;
  assert.deepEqual(farewell({ reasonCode, serverReference: 'other:1883' }), {
    type: PacketType.DISCONNECT,
    reasonCode,
    properties: { reasonString: 'why', serverReference: 'other:1883' },
  });
  assert.deepEqual(farewell({ reason: '' }), { type: PacketType.DISCONNECT, reasonCode: ReasonCode.ServerShuttingDown, properties: {} });
});

test('MQTT 3 has no DISCONNECT from a server', () => {
  assert.equal(farewell({ version: 4 }), null);
  assert.equal(farewell({ version: 3 }), null);
});

test('who is not let in yet gets a CONNACK, with a return code before MQTT 5', () => {
  const connack = { type: PacketType.CONNACK, sessionPresent: false };
  const early = { isConnected: false, reasonCode: ReasonCode.NotAuthorized, serverReference: 'other' };
  assert.deepEqual(farewell(early), { ...connack, reasonCode: 0x87, properties: { reasonString: 'why', serverReference: 'other' } });
  assert.deepEqual(farewell({ ...early, version: 4 }), { ...connack, reasonCode: 5, properties: {} });
});

test('a code that the packet cannot carry is replaced by one that it can [MQTT-3.2.2-8] [MQTT-3.14.2-1]', () => {
  const shutdown = farewell({ isConnected: false });
  assert.ok(shutdown?.type === PacketType.CONNACK && shutdown.reasonCode === ReasonCode.ServerUnavailable);
  const password = farewell({ reasonCode: ReasonCode.BadUserNameOrPassword });
  assert.ok(password?.type === PacketType.DISCONNECT && password.reasonCode === ReasonCode.NotAuthorized);
});
