import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { variableByteInteger } from '@wrenmq/testkit';
import { hex, type MemoryClient, turns } from './memory-client.ts';
import { fullConnect, packetsOf } from './packet-list.ts';
import { versions } from './packets.ts';
import { FuzzHouse } from './scenario.ts';

// Every packet of every version, cut at every byte.

let house: FuzzHouse;

before(async () => {
  house = await FuzzHouse.open();
});

after(() => house[Symbol.asyncDispose]());

/** The packet with a Remaining Length that fits what is left of it. */
function mended(packet: Buffer, bytes: number): Buffer {
  const body = packet.subarray(2, bytes);
  return Buffer.concat([packet.subarray(0, 1), variableByteInteger(body.length), body]);
}

async function cut(client: MemoryClient): Promise<void> {
  client.link.cut();
  await client.link.whenClosed;
}

/** Malformed or against the protocol, and told so as the version wants it. */
function assertRefused(client: MemoryClient, what: string): void {
  assert.equal(client.link.isEnded, true, `${what} was taken`);
  const { last } = client;
  if (client.version < 5) return;
  assert.ok(
    last?.type === 'disconnect' && [0x81, 0x82].includes(last.reasonCode),
    `${what}: ${last?.type} ${last !== undefined && 'reasonCode' in last ? hex(last.reasonCode) : ''}`,
  );
}

for (const version of versions) {
  const packets = packetsOf(version);

  test(`a packet that stops at any byte is waited for, and handled when the rest comes (version ${version})`, async () => {
    for (const { name, bytes } of packets) {
      const whole = await house.house.connect(version);
      whole.send(bytes);
      await turns();
      for (let at = 1; at < bytes.length; at += 1) {
        const client = await house.house.connect(version);
        client.send(bytes.subarray(0, at));
        await turns();
        assert.equal(client.link.isEnded, false, `${name} cut at ${at}`);
        assert.equal(client.packets.length, 1, `${name} cut at ${at} was answered`);
        client.send(bytes.subarray(at));
        await turns();
        assert.deepEqual(
          client.packets.slice(1).map(({ raw }) => raw),
          whole.packets.slice(1).map(({ raw }) => raw),
          `${name} cut at ${at}`,
        );
        assert.equal(client.link.isEnded, whole.link.isEnded, `${name} cut at ${at}`);
        await cut(client);
      }
      await cut(whole);
    }
    await house.checkHealth();
  });

  test(`a packet that is short by any number of bytes is a shorter packet, or refused with 0x81 or 0x82 (version ${version})`, async () => {
    let refused = 0;
    for (const { name, bytes } of packets) {
      for (let at = 2; at < bytes.length; at += 1) {
        const client = await house.house.connect(version);
        client.send(mended(bytes, at));
        await turns();
        assert.equal(client.violation, null);
        if (client.link.isEnded && name !== 'DISCONNECT') {
          assertRefused(client, `${name} of ${at} bytes`);
          refused += 1;
        } else if (!client.link.isEnded) await client.alive();
        await cut(client);
      }
    }
    assert.ok(refused > 30, `only ${refused} were refused`);
    await house.checkHealth();
  });

  test(`a CONNECT that is short by any number of bytes opens no session (version ${version})`, async () => {
    const bytes = fullConnect(version, 'short');
    for (let at = 2; at < bytes.length; at += 1) {
      const client = house.house.client(version);
      client.send(mended(bytes, at));
      await turns();
      const { last } = client;
      // MQTT 3.1 lets the length of the packet win over the flags: the user name and the password may be missing.
      if (version === 3 && last?.type === 'connack' && last.reasonCode === 0) {
        assert.ok(at > bytes.length - 20, `a CONNECT of ${at} bytes was taken`);
      } else {
        assert.equal(client.link.isEnded, true, `a CONNECT of ${at} bytes was taken`);
        if (version === 5 && at > 8)
          assert.ok(last?.type === 'connack' && [0x81, 0x82].includes(last.reasonCode), `a CONNECT of ${at} bytes`);
        else assert.equal(client.packets.length, 0);
      }
      await cut(client);
    }
    await house.checkHealth();
  });
}
