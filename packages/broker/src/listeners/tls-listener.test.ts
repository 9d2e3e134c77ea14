import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { ensureLocalAuthority } from './local-authority.ts';
import { gone, RecordingHandler, TestDoor } from './test-door.ts';
import { TlsRig } from './test-tls-rig.ts';

const run = promisify(execFile);

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a ${version} link carries bytes both ways and knows what the handshake established`, async () => {
    await using rig = await TlsRig.create();
    await using door = await TestDoor.open(rig.options());
    const client = rig.connect(door, { minVersion: version, maxVersion: version });
    client.write('hello');
    const handler = await door.handler();
    assert.equal((await handler.untilReceived(5)).toString(), 'hello');
    const { link } = handler;
    assert.deepEqual(
      [link.transport, link.tls, link.peer.address],
      ['tls', { protocol: version, serverName: 'localhost', certificate: null }, '127.0.0.1'],
    );
    assert.equal(link.write(Buffer.from('world')), false);
    assert.equal(String((await once(client, 'data'))[0]), 'world');
    while (handler.drains === 0) await once(handler, 'drain');
    client.end();
    assert.equal(await handler.untilClosed(), null);
    assert.equal(door.listener.connections, 0);
  });
}

test('a TLS link tells onDrain once when everything is gone, and end sends what is pending', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  const client = rig.connect(door).pause();
  const handler = await door.handler();
  for (let i = 0; i < 8; i++) assert.equal(handler.link.write(Buffer.alloc(1 << 20, i)), false);
  assert.ok(handler.link.pendingBytes > 0);
  let received = 0;
  client.on('data', (bytes) => (received += bytes.length)).resume();
  await once(handler, 'drain');
  assert.deepEqual([handler.link.pendingBytes, handler.drains], [0, 1]);
  handler.link.write(Buffer.alloc(1 << 20, 9));
  handler.link.end();
  await once(client, 'end');
  assert.equal(received, 9 << 20);
  assert.equal(await handler.untilClosed(), null);
});

test('a paused TLS link reads nothing until it is resumed', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  const client = rig.connect(door);
  const handler = await door.handler();
  client.write('a');
  await handler.untilReceived(1);
  handler.link.pause();
  client.write('b');
  const other = rig.connect(door);
  other.write('x');
  await (await door.handler(1)).untilReceived(1);
  assert.equal(handler.received.toString(), 'a');
  handler.link.resume();
  await handler.untilReceived(2);
  client.destroy();
  other.destroy();
});

test('a client that offers protocols by ALPN gets the first that the listener knows, or is refused; without an offer it comes in', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options({ alpn: ['mqtt', 'other'] }));
  const agreed = async (offered?: string[]) => {
    const client = rig.connect(door, offered === undefined ? {} : { ALPNProtocols: offered });
    await once(client, 'secureConnect');
    client.destroy();
    return client.alpnProtocol;
  };
  assert.equal(await agreed(['http/1.1', 'other', 'mqtt']), 'mqtt');
  assert.equal(await agreed(['other']), 'other');
  assert.equal(await agreed(), false);
  await gone(rig.connect(door, { ALPNProtocols: ['h2', 'http/1.1'] }));
  assert.equal(door.listener.counters.tlsErrors, 1);
  await using open = await TestDoor.open(rig.options());
  const client = rig.connect(open, { ALPNProtocols: ['h2'] });
  await once(client, 'secureConnect');
  client.destroy();
});

test('an encrypted private key opens with its passphrase only', async () => {
  await using rig = await TlsRig.create();
  const { certPath } = rig.authority;
  const key = createPrivateKey(await readFile(rig.authority.keyPath));
  const keyPath = join(rig.path, 'encrypted.pem');
  await writeFile(keyPath, key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }));
  const options = (keyPassphrase: string) => rig.options({ certificates: [{ certPath, keyPath, keyPassphrase, serverNames: [] }] });
  await using door = await TestDoor.open(options('secret'));
  const client = rig.connect(door);
  await once(client, 'secureConnect');
  client.destroy();
  await assert.rejects(TestDoor.open(options('wrong')), { code: 'listener.tls' });
});

test('TLS 1.1 and plain text are refused and counted', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  await gone(rig.connect(door, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  const plain = net.connect(door.address).resume();
  plain.write(Buffer.from('100f00044d5154540402003c0003616263', 'hex'));
  await gone(plain);
  assert.deepEqual([door.handlers.length, door.listener.counters.tlsErrors], [0, 2]);
});

test('a handshake that does not come is ended by the deadline', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  const silent = net.connect(door.address).resume();
  while (door.listener.connections === 0) await new Promise(setImmediate);
  door.clock.advance(9999);
  assert.equal(door.listener.connections, 1);
  door.clock.advance(1);
  await gone(silent);
  assert.deepEqual([door.listener.counters.handshakeTimeouts, door.listener.counters.tlsErrors], [1, 0]);
});

test('python ssl and openssl verify host name and address by the local authority', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  const script = [
    'import socket,ssl,sys',
    'context=ssl.create_default_context(cafile=sys.argv[1])',
    'for name in ("localhost","127.0.0.1"):',
    ' s=context.wrap_socket(socket.create_connection(("127.0.0.1",int(sys.argv[2]))),server_hostname=name)',
    ' print(s.version(),name); s.close()',
  ].join('\n');
  const { stdout } = await run('python3', ['-c', script, rig.authority.caPath, String(door.address.port)]);
  assert.equal(stdout, 'TLSv1.3 localhost\nTLSv1.3 127.0.0.1\n');
  const client = spawn('openssl', [
    's_client',
    '-connect',
    `127.0.0.1:${door.address.port}`,
    '-CAfile',
    rig.authority.caPath,
    '-verify_return_error',
    '-verify_hostname',
    'localhost',
    '-servername',
    'localhost',
    '-brief',
  ]);
  const received = new Promise((resolve) => {
    door.handle = (link) => {
      const handler = new RecordingHandler(link);
      void handler.untilReceived(2).then(resolve);
      return handler;
    };
  });
  client.stdin.write('hi');
  assert.equal(String(await received), 'hi');
  client.stdin.end();
  await once(client, 'close');
});

test('a required client certificate is required: none, a foreign and a self-signed one are refused with the reason', async () => {
  await using rig = await TlsRig.create();
  await using foreign = await TlsRig.create();
  await using door = await TestDoor.open(rig.withClients('required'));
  await gone(rig.connect(door).resume());
  await gone(rig.connect(door, await foreign.client('sensor-1')).resume());
  assert.deepEqual([door.handlers.length, door.listener.counters.tlsErrors], [0, 2]);
  const reasons = door.log.lines.flatMap(({ fields }) => (fields['reason'] === undefined ? [] : [fields['reason']]));
  assert.deepEqual(reasons, ['no client certificate', 'client certificate: UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
  const client = rig.connect(door, await rig.client('sensor-1'));
  const certificate = (await door.handler()).link.tls!.certificate!;
  assert.deepEqual([certificate.commonName, certificate.subject], ['sensor-1', 'O=WrenMQ, CN=sensor-1']);
  assert.match(certificate.fingerprint256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  client.destroy();
});

test('an optional client certificate may be missing, but not be invalid', async () => {
  await using rig = await TlsRig.create();
  await using foreign = await TlsRig.create();
  await using door = await TestDoor.open(rig.withClients('optional'));
  const anonymous = rig.connect(door);
  assert.equal((await door.handler(0)).link.tls!.certificate, null);
  const known = rig.connect(door, await rig.client('sensor-1'));
  assert.equal((await door.handler(1)).link.tls!.certificate!.commonName, 'sensor-1');
  await gone(rig.connect(door, await foreign.client('sensor-1')).resume());
  assert.deepEqual([door.handlers.length, door.listener.counters.tlsErrors], [2, 1]);
  anonymous.destroy();
  known.destroy();
});

for (const name of ['a\nb', 'a\0b', 'a\r\nX-Admin: 1', '\u009b31m', 'a\u2028b', 'x'.repeat(60) + '\t']) {
  test(`the common name ${JSON.stringify(name)} is refused`, async () => {
    await using rig = await TlsRig.create();
    await using door = await TestDoor.open(rig.withClients('required'));
    await gone(rig.connect(door, await rig.client(name)).resume());
    assert.deepEqual([door.handlers.length, door.listener.counters.tlsErrors], [0, 1]);
  });
}

async function revoke(rig: TlsRig, cert: string): Promise<string> {
  const file = (name: string): string => join(rig.path, name);
  await writeFile(file('revoked.pem'), cert);
  await writeFile(file('index.txt'), '');
  await writeFile(file('ca.conf'), `[ca]\ndefault_ca=x\n[x]\ndatabase=${file('index.txt')}\ndefault_md=sha256\ndefault_crl_days=2\n`);
  const by = ['-config', file('ca.conf'), '-keyfile', file('ca-key.pem'), '-cert', file('ca.pem')];
  await run('openssl', ['ca', ...by, '-revoke', file('revoked.pem')]);
  await run('openssl', ['ca', ...by, '-gencrl', '-out', file('crl.pem')]);
  return file('crl.pem');
}

test('a revoked client certificate is refused, also when it resumes a session from before', async () => {
  await using rig = await TlsRig.create();
  const [good, bad] = [await rig.client('good'), await rig.client('bad')];
  await using door = await TestDoor.open(rig.withClients('required'));
  const before = rig.connect(door, bad);
  const [session] = (await once(before, 'session')) as [Buffer];
  before.destroy();
  await door.listener.reload(rig.withClients('required', { crlPath: await revoke(rig, bad.cert) }));
  const count = door.handlers.length;
  await gone(rig.connect(door, { ...bad, session }).resume());
  await gone(rig.connect(door, bad).resume());
  assert.deepEqual([door.handlers.length, door.listener.counters.tlsErrors], [count, 2]);
  assert.ok(door.log.lines.some(({ fields }) => fields['reason'] === 'client certificate: CERT_REVOKED'));
  const client = rig.connect(door, good);
  await door.handler(count);
  client.destroy();
});

test('the server name chooses the certificate, wildcards one level deep; an unknown name gets the first', async () => {
  await using rig = await TlsRig.create();
  const others = await Promise.all(
    ['one.example', '*.two.example'].map(async (name, i) => {
      const directory = join(rig.path, `sni-${i}`);
      await mkdir(directory);
      for (const file of ['ca.pem', 'ca-key.pem']) await copyFile(join(rig.path, file), join(directory, file));
      return { name, ...(await ensureLocalAuthority({ directory, names: [name], addresses: [], clock: systemClock })) };
    }),
  );
  const certificates = [rig.authority, ...others].map(({ certPath, keyPath, ...rest }) => ({
    certPath,
    keyPath,
    keyPassphrase: null,
    serverNames: 'name' in rest ? [String(rest.name)] : [],
  }));
  await using door = await TestDoor.open(rig.options({ certificates }));
  const serials = [];
  for (const servername of ['localhost', 'ONE.example', 'a.two.example', 'a.b.two.example', 'unknown.example', '']) {
    const client = rig.connect(door, { servername, checkServerIdentity: () => undefined });
    await once(client, 'secureConnect');
    serials.push(client.getPeerX509Certificate()!.fingerprint256);
    client.destroy();
  }
  const [first, one, two] = await Promise.all(
    certificates.map(async ({ certPath }) => new (await import('node:crypto')).X509Certificate(await readFile(certPath)).fingerprint256),
  );
  assert.deepEqual(serials, [first, one, two, first, first, first]);
});

async function fingerprintNow(rig: TlsRig, door: TestDoor): Promise<string> {
  const client = rig.connect(door, { rejectUnauthorized: false });
  await once(client, 'secureConnect');
  const { fingerprint256 } = client.getPeerX509Certificate()!;
  client.destroy();
  return fingerprint256;
}

/** Lets the watcher look until it has written `message` so many times. */
async function watchUntil(door: TestDoor, message: string, count: number): Promise<void> {
  while (door.log.count(message) < count) {
    door.clock.advance(2000);
    await new Promise(setImmediate);
  }
}

const applied = 'changed TLS files are in use for new connections';
const refused = 'changed TLS files are not usable; the old ones stay in use';

test('changed files are used for new connections; open connections and broken files change nothing', async () => {
  await using rig = await TlsRig.create();
  await using other = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  const client = rig.connect(door);
  const handler = await door.handler();
  const first = await fingerprintNow(rig, door);
  await writeFile(rig.authority.certPath, 'broken');
  await watchUntil(door, refused, 1);
  assert.equal(await fingerprintNow(rig, door), first);
  await copyFile(other.authority.certPath, rig.authority.certPath);
  await watchUntil(door, refused, 2);
  assert.equal(await fingerprintNow(rig, door), first);
  await copyFile(other.authority.keyPath, rig.authority.keyPath);
  await watchUntil(door, applied, 1);
  assert.notEqual(await fingerprintNow(rig, door), first);
  client.write('still here');
  await handler.untilReceived(10);
  assert.deepEqual([door.log.count(refused), door.log.count(applied)], [2, 1]);
  client.destroy();
});

test('a session from before a renewed certificate is resumed', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open(rig.options());
  const before = rig.connect(door);
  const [session] = (await once(before, 'session')) as [Buffer];
  before.destroy();
  await door.listener.reload(rig.options());
  const after = rig.connect(door, { session });
  await once(after, 'secureConnect');
  assert.equal(after.isSessionReused(), true);
  after.destroy();
});

test('unusable certificates refuse the start and a reload, naming the file', async () => {
  await using rig = await TlsRig.create();
  const [certificate] = rig.options().tls!.certificates;
  const missing = rig.options({ certificates: [{ ...certificate, keyPath: '/nonexistent/key.pem' }] });
  await assert.rejects(TestDoor.open(missing), /nonexistent\/key\.pem cannot be read/);
  const mixed = rig.options({ certificates: [{ ...certificate, keyPath: join(rig.path, 'ca-key.pem') }] });
  await assert.rejects(TestDoor.open(mixed), /server\.pem with key .*ca-key\.pem is not usable/);
  await using door = await TestDoor.open(rig.options());
  const second = new TestDoor({ ...rig.options(), bind: door.address });
  await assert.rejects(
    second.listener.start(() => null),
    /another program listens there/,
  );
  assert.equal(second.clock.pending, 0);
  await assert.rejects(door.listener.reload(mixed), /not usable/);
  await fingerprintNow(rig, door);
  await door.listener.close();
  assert.equal(door.clock.pending, 0);
});

test('closing ends connections in the middle of their handshake too', async () => {
  await using rig = await TlsRig.create();
  const door = await TestDoor.open(rig.options());
  const silent = net.connect(door.address).resume();
  const client = rig.connect(door);
  const handler = await door.handler();
  while (door.listener.connections < 2) await new Promise(setImmediate);
  await Promise.all([door.listener.close(), gone(silent), gone(client), handler.untilClosed()]);
  assert.deepEqual([door.listener.connections, door.clock.pending], [0, 0]);
});
