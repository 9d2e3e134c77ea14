import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { tempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import { ensureLocalAuthority, issueClientCertificate } from './local-authority.ts';

const run = promisify(execFile);
const dayMs = 86_400_000;

async function workshop() {
  const directory = await tempDirectory();
  const clock = new FakeClock(Date.now());
  const ensure = (names: string[] = [], addresses: string[] = []) =>
    ensureLocalAuthority({ directory: join(directory.path, 'tls'), names, addresses, clock });
  return { clock, ensure, path: join(directory.path, 'tls'), [Symbol.asyncDispose]: () => directory.remove() };
}

const certificate = async (path: string): Promise<X509Certificate> => new X509Certificate(await readFile(path));

test('the first call makes an authority and a server certificate; the second changes nothing', async () => {
  await using shop = await workshop();
  const first = await shop.ensure();
  assert.equal(first.made, 'authority');
  assert.equal(first.fingerprint256, (await certificate(first.caPath)).fingerprint256);
  for (const key of [first.keyPath, join(shop.path, 'ca-key.pem')]) assert.equal((await stat(key)).mode & 0o777, 0o600);
  const before = await readFile(first.certPath, 'utf8');
  assert.deepEqual(await shop.ensure(), { ...first, made: 'nothing' });
  assert.equal(await readFile(first.certPath, 'utf8'), before);
});

test('openssl accepts the chain for every name and address, and shows the extensions', async () => {
  await using shop = await workshop();
  const { caPath, certPath } = await shop.ensure(['Broker.Example.org', 'bücher.example'], ['192.0.2.7', '2001:db8::7']);
  for (const check of [
    ['-verify_hostname', 'localhost'],
    ['-verify_hostname', 'broker.example.org'],
    ['-verify_hostname', 'xn--bcher-kva.example'],
    ['-verify_ip', '127.0.0.1'],
    ['-verify_ip', '::1'],
    ['-verify_ip', '192.0.2.7'],
    ['-verify_ip', '2001:db8::7'],
  ]) {
    const { stdout } = await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', caPath, ...check, certPath]);
    assert.match(stdout, /: OK/);
  }
  await assert.rejects(run('openssl', ['verify', '-CAfile', caPath, '-verify_hostname', 'other.example', certPath]));
  const { stdout: server } = await run('openssl', ['x509', '-in', certPath, '-noout', '-text']);
  for (const part of [
    'Version: 3',
    'ecdsa-with-SHA256',
    'prime256v1',
    'CA:FALSE',
    'Digital Signature',
    'TLS Web Server Authentication',
    'Subject Key Identifier',
    'Authority Key Identifier',
  ]) {
    assert.ok(server.includes(part), part);
  }
  const { stdout: authority } = await run('openssl', ['x509', '-in', caPath, '-noout', '-text']);
  for (const part of ['CA:TRUE, pathlen:0', 'Certificate Sign, CRL Sign']) assert.ok(authority.includes(part), part);
});

test('the authority lasts ten years and the server certificate 825 days', async () => {
  await using shop = await workshop();
  const { caPath, certPath } = await shop.ensure();
  const lifeDays = async (path: string): Promise<number> => {
    const { validFrom, validTo } = await certificate(path);
    return (Date.parse(validTo) - Date.parse(validFrom)) / dayMs;
  };
  assert.deepEqual([await lifeDays(caPath), await lifeDays(certPath)], [3652, 825]);
});

test('a server certificate is renewed by the same authority when it expires within 30 days', async () => {
  await using shop = await workshop();
  const first = await shop.ensure();
  const old = await certificate(first.certPath);
  shop.clock.advance(794 * dayMs);
  assert.equal((await shop.ensure()).made, 'nothing');
  shop.clock.advance(2 * dayMs);
  const renewed = await shop.ensure();
  assert.deepEqual([renewed.made, renewed.fingerprint256], ['server', first.fingerprint256]);
  assert.notEqual((await certificate(first.certPath)).serialNumber, old.serialNumber);
});

test('a new name makes a new server certificate; a name that is covered already does not', async () => {
  await using shop = await workshop();
  await shop.ensure(['a.example']);
  assert.equal((await shop.ensure(['b.example'])).made, 'server');
  assert.equal((await shop.ensure([], ['192.0.2.1'])).made, 'server');
  assert.equal((await shop.ensure()).made, 'nothing');
});

test('an expiring authority is replaced, and a server certificate never outlives its authority', async () => {
  await using shop = await workshop();
  const first = await shop.ensure();
  shop.clock.advance(3600 * dayMs);
  const late = await shop.ensure();
  assert.equal(late.made, 'server');
  assert.equal((await certificate(late.certPath)).validTo, (await certificate(late.caPath)).validTo);
  shop.clock.advance(40 * dayMs);
  const replaced = await shop.ensure();
  assert.equal(replaced.made, 'authority');
  assert.notEqual(replaced.fingerprint256, first.fingerprint256);
});

test('torn server files are made again; a lost or foreign authority key is an error that says what to do', async () => {
  await using shop = await workshop();
  const { certPath, keyPath } = await shop.ensure();
  await writeFile(certPath, 'torn');
  assert.equal((await shop.ensure()).made, 'server');
  await rm(keyPath);
  assert.equal((await shop.ensure()).made, 'server');
  const caKey = join(shop.path, 'ca-key.pem');
  await writeFile(caKey, await readFile(keyPath));
  await assert.rejects(shop.ensure(), /belongs to another certificate/);
  await rm(caKey);
  assert.equal((await shop.ensure()).made, 'nothing');
  await rm(certPath);
  await assert.rejects(shop.ensure(), /ca-key\.pem is missing.*put it back, or remove/);
});

test('a client certificate is for clients only and signed by the authority', async () => {
  await using shop = await workshop();
  const { caPath } = await shop.ensure();
  const { cert } = await issueClientCertificate({ directory: shop.path, commonName: 'sensor 1', clock: shop.clock });
  const path = join(shop.path, 'client.pem');
  await writeFile(path, cert);
  assert.match((await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', caPath, path])).stdout, /: OK/);
  await assert.rejects(run('openssl', ['verify', '-purpose', 'sslserver', '-CAfile', caPath, path]));
  assert.equal(new X509Certificate(cert).toLegacyObject().subject.CN, 'sensor 1');
});
