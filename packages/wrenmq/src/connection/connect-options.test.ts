import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { connectOptions } from './connect-options.ts';
import type { ConnectionFlags } from './connection-flags.ts';

/** Without the contexts of whoever runs the tests. */
const environment = { XDG_CONFIG_HOME: '/nonexistent' };
const optionsOf = async (flags: ConnectionFlags) => (await connectOptions(flags, environment)).options;

test("without flags it is a clean session with mosquitto_sub's defaults", async () => {
  assert.deepEqual(await optionsOf({}), {
    protocol: 'auto',
    keepAlive: 60,
    session: { resume: 'never', expiry: 0 },
    outbound: { maxInflight: 20 },
    inbound: {},
  });
});

test('-c keeps the session for ever, or as long as -x says', async () => {
  assert.deepEqual((await optionsOf({ disableCleanSession: true, id: 'a' })).session, { resume: 'always', expiry: 0xffff_ffff });
  assert.deepEqual((await optionsOf({ disableCleanSession: true, id: 'a', sessionExpiryInterval: '60' })).session, {
    resume: 'always',
    expiry: 60,
  });
  for (const forever of ['-1', '∞', '4294967295'])
    assert.equal((await optionsOf({ sessionExpiryInterval: forever })).session?.expiry, 0xffff_ffff);
});

test('-i is the client id, -I the beginning of one', async () => {
  assert.equal((await optionsOf({ id: 'a' })).clientId, 'a');
  assert.equal((await optionsOf({ idPrefix: 'a-' })).clientId, `a-${process.pid}`);
});

test('-V takes the names of mosquitto; -D means 5', async () => {
  for (const version of ['5', 'mqttv5']) assert.equal((await optionsOf({ protocolVersion: version })).protocol, '5');
  for (const version of ['311', 'mqttv311']) assert.equal((await optionsOf({ protocolVersion: version })).protocol, '3.1.1');
  assert.equal((await optionsOf({ property: ['connect receive-maximum 5'] })).protocol, '5');
});

test('-D reaches CONNECT and the will', async () => {
  const options = await optionsOf({
    willTopic: 'w',
    willPayload: 'gone',
    willQos: '1',
    willRetain: true,
    property: [
      'connect receive-maximum 5',
      'connect maximum-packet-size 1000',
      'connect user-property a b c',
      'connect authentication-method M',
      'connect authentication-data D',
      'will will-delay-interval 3',
      'will user-property x y',
    ],
  });
  assert.deepEqual(options.inbound, { receiveMaximum: 5, maxPacketSize: 1000 });
  assert.deepEqual(options.userProperties, [['a', 'b c']]);
  assert.deepEqual(options.credentials, { auth: { method: 'M', data: Buffer.from('D') } });
  const { will } = options;
  assert.deepEqual(will, { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true, delay: 3, userProperties: [['x', 'y']] });
});

test('the password comes from -P, a file, a variable or the URL', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'secret');
  await writeFile(file, 'from file\nsecond line\n');
  const passwordOf = async (flags: ConnectionFlags) => (await optionsOf({ username: 'u', ...flags })).credentials;
  assert.deepEqual(await passwordOf({ pw: '-x' }), { username: 'u', password: '-x' });
  assert.deepEqual(await passwordOf({ passwordFile: file }), { username: 'u', password: 'from file' });
  assert.deepEqual(await passwordOf({ url: 'mqtt://v:w@h' }), { username: 'u', password: 'w' });
  process.env['TEST_SECRET'] = 'from env';
  assert.deepEqual(await passwordOf({ passwordEnv: 'TEST_SECRET' }), { username: 'u', password: 'from env' });
  delete process.env['TEST_SECRET'];
});

test('certificates are read from files and folders, a key from its digits', async () => {
  await using directory = await tempDirectory();
  const file = (name: string) => join(directory.path, name);
  for (const name of ['ca.pem', 'cert.pem', 'key.pem', 'pass']) await writeFile(file(name), name);
  const { tls } = await optionsOf({
    capath: directory.path,
    cert: file('cert.pem'),
    key: file('key.pem'),
    keypassFile: file('pass'),
    tlsAlpn: 'mqtt',
  });
  assert.deepEqual(tls?.alpn, ['mqtt']);
  assert.equal(tls.passphrase, 'pass');
  assert.match(String(tls.ca), /ca\.pem/);
  assert.equal(String(tls.cert), 'cert.pem');
  const { psk } = (await optionsOf({ psk: '00ff', pskIdentity: 'me' })).tls ?? {};
  assert.deepEqual(psk, { identity: 'me', key: Buffer.from([0, 255]) });
});

const WRONG: readonly (readonly [flags: ConnectionFlags, message: RegExp])[] = [
  [{ id: 'a', idPrefix: 'b' }, /-i and -I/],
  [{ disableCleanSession: true }, /-i/],
  [{ protocolVersion: '6' }, /-V 6/],
  [{ protocolVersion: '31' }, /3\.1\.1/],
  [{ protocolVersion: '311', property: ['connect receive-maximum 5'] }, /-D is for MQTT 5/],
  [{ keepalive: 'x' }, /--keepalive x/],
  [{ keepalive: '65536' }, /65535/],
  [{ willPayload: 'x' }, /--will-topic/],
  [{ willTopic: 't', willQos: '3' }, /--will-qos/],
  [{ cert: 'x', cafile: 'y' }, /--cert and --key/],
  [{ cafile: '/nonexistent' }, /--cafile \/nonexistent: there is no such file/],
  [{ psk: 'xyz', pskIdentity: 'a' }, /hexadecimal/],
  [{ psk: 'aa' }, /--psk-identity/],
  [{ tlsEngine: 'x', cafile: 'y' }, /engine/],
  [{ property: ['conect user-property a b'] }, /did you mean connect\?/],
  [{ property: ['connect user-propety a'] }, /did you mean user-property\?/],
  [{ property: ['connect user-property a'] }, /takes a name and a value/],
  [{ property: ['connect receive-maximum 70000'] }, /65535/],
  [{ context: 'none' }, /no context none/],
  [{ passwordEnv: 'NO_SUCH_VARIABLE' }, /not set/],
  [{ ws: true, bind: '127.0.0.1' }, /not for WebSocket/],
];

for (const [flags, message] of WRONG)
  test(`${JSON.stringify(flags)} is a usage error`, () => assert.rejects(connectOptions(flags, environment), { exitCode: 2, message }));
