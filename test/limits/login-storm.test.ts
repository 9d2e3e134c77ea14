import assert from 'node:assert/strict';
import { connect as openSocket } from 'node:net';
import { test } from 'node:test';
import { connectBytes, launchBroker, WireClient } from '@wrenmq/testkit';
import { hashPassword } from '#root/packages/broker/src/auth/password-hash.ts';

// Everybody comes at once, and some with wrong passwords.

const CLIENTS = 2000;
const USERS = 10;

/** The reason code of the CONNACK. */
function connackOf(port: number, clientId: string, userName: string, password: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(port, '127.0.0.1', () => socket.write(connectBytes(5, { clientId, userName, password })));
    socket.once('error', reject);
    socket.once('data', (bytes: Buffer) => {
      resolve(bytes[bytes[1] < 0x80 ? 3 : 4]);
      socket.destroy();
    });
    socket.once('close', () => reject(new Error(`${clientId} was closed without an answer`)));
  });
}

test('of 2,000 logins at once, 30 % of them wrong, every right one succeeds, and who is here is served', async () => {
  const users = ['admin', ...Array.from({ length: USERS }, (_, index) => `user${index}`)];
  const hashes = await Promise.all(
    users.map(async (user) => [`authentication.users.${user}.passwordHash`, await hashPassword(`of ${user}`)]),
  );
  const settings = { durability: 'memory', 'authentication.anonymous': 'never', ...(Object.fromEntries(hashes) as Record<string, string>) };
  await using broker = await launchBroker({ settings });
  const { port } = broker.target();
  const early = await WireClient.open(broker.target(), 5);
  await early.connect({ clientId: 'early', userName: 'admin', password: 'of admin' });
  const answers = Array.from({ length: CLIENTS }, async (_, index) => {
    // The wrong ones come first: guesses for one user that there is, and for one that there is not.
    const isWrong = index < CLIENTS * 0.3;
    const user = isWrong ? ['admin', 'root'][index % 2] : `user${index % USERS}`;
    const code = await connackOf(port, `c${index}`, user, isWrong ? `guess ${index}` : `of ${user}`);
    return { isWrong, code };
  });
  for (let ping = 0; ping < 20; ping += 1) await early.expectNothing();
  const wrong = new Map<number, number>();
  for (const { isWrong, code } of await Promise.all(answers)) {
    if (isWrong) wrong.set(code, (wrong.get(code) ?? 0) + 1);
    else assert.equal(code, 0);
  }
  // 0x86, or 0x89 where more waited than can be verified in time.
  assert.deepEqual(
    [...wrong.keys()].filter((code) => code !== 0x86 && code !== 0x89),
    [],
  );
  assert.ok((wrong.get(0x86) ?? 0) > 0);
  await early.expectNothing();
  await early.cut();
  const lines = broker.output.split('\n').filter((line) => line.includes('client refused'));
  assert.ok(lines.length > 0 && lines.length <= 100, `${lines.length} lines about ${CLIENTS * 0.3} refusals`);
});
