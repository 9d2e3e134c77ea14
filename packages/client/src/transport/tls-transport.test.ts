import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { createServer as createHttpsServer } from 'node:https';
import { after, before, test } from 'node:test';
import { createServer, type TLSSocket, type TlsOptions as ServerOptions } from 'node:tls';
import { type Certificate, TestAuthority, tempDirectory, type TempDirectory } from '@wrenmq/testkit';
import { openTransport } from './open-transport.ts';
import { open, readBytes, serve, serveWebSocket, type TestPeer } from './test-transport.ts';
import type { TlsOptions } from './transport.ts';

let directory: TempDirectory;
let authority: TestAuthority;
let server: Certificate;
let client: Certificate;

before(async () => {
  directory = await tempDirectory();
  authority = await TestAuthority.create(directory.path);
  server = await authority.issue({ commonName: 'broker', alternativeNames: ['IP:127.0.0.1', 'DNS:broker.example'] });
  client = await authority.issue({ commonName: 'client' });
});

after(() => directory.remove());

function serveTls(options: ServerOptions = {}): Promise<TestPeer> {
  const tlsServer = createServer({ cert: server.cert, key: server.key, ...options });
  return serve(tlsServer, 'secureConnection', { scheme: 'mqtts', host: '127.0.0.1' });
}

/** Opens, sends a word, and gives what the server knows of the connection. */
async function greet(peer: TestPeer, tls: TlsOptions): Promise<TLSSocket> {
  const { transport, observer } = await open(openTransport, peer.url, { tls });
  const socket = (await peer.accept()) as TLSSocket;
  transport.write(Buffer.from('hello'));
  assert.equal((await readBytes(socket, 5)).toString(), 'hello');
  socket.write('welcome');
  await observer.until(() => observer.text === 'welcome');
  transport.destroy();
  await observer.closed();
  return socket;
}

test('a server is trusted by its authority and its name', async () => {
  await using peer = await serveTls();
  await greet(peer, { ca: authority.certificate.cert });
  await greet(peer, { ca: new TextEncoder().encode(authority.certificate.cert) });
  const named = await greet(peer, { ca: authority.certificate.cert, serverName: 'broker.example' });
  assert.equal((named as unknown as { servername: string }).servername, 'broker.example');
  for (const scheme of ['ssl', 'tls'])
    await greet({ ...peer, url: new URL(`${scheme}://${peer.url.host}`) }, { ca: authority.certificate.cert });
});

test('a server without trust, or with another name, is refused, unless it is not to be asked', async () => {
  await using peer = await serveTls();
  await assert.rejects(open(openTransport, peer.url), { code: 'DISCONNECTED', retryable: true, message: /unable to verify|self-signed/ });
  const other = { ca: authority.certificate.cert, serverName: 'other.example' };
  await assert.rejects(open(openTransport, peer.url, { tls: other }), { code: 'DISCONNECTED', message: /other\.example/ });
  const address = { ca: authority.certificate.cert, serverName: '127.0.0.9' };
  await assert.rejects(open(openTransport, peer.url, { tls: address }), { code: 'DISCONNECTED', message: /127\.0\.0\.9/ });
  await greet(peer, { rejectUnauthorized: false });
});

test('a client shows its certificate, whose key may have a passphrase', async () => {
  await using peer = await serveTls({ ca: authority.certificate.cert, requestCert: true, rejectUnauthorized: true });
  const key = createPrivateKey(client.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'words' });
  const socket = await greet(peer, { ca: authority.certificate.cert, cert: client.cert, key, passphrase: 'words' });
  assert.equal(socket.authorized, true);
});

test('ALPN names the protocols', async () => {
  await using peer = await serveTls({ ALPNProtocols: ['mqtt'] });
  const socket = await greet(peer, { ca: authority.certificate.cert, alpn: ['other', 'mqtt'] });
  assert.equal(socket.alpnProtocol, 'mqtt');
});

test('a pre-shared key takes the place of certificates', async () => {
  const psk = Buffer.from('0123456789abcdef');
  const pskCallback = (_socket: TLSSocket, identity: string): Buffer | null => (identity === 'sensor' ? psk : null);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const ciphers = 'TLS_AES_128_GCM_SHA256:PSK+HIGH';
    await using peer = await serve(createServer({ pskCallback, ciphers, maxVersion }), 'secureConnection', {
      scheme: 'mqtts',
      host: '127.0.0.1',
    });
    const socket = await greet(peer, { psk: { identity: 'sensor', key: new Uint8Array(psk) } });
    assert.equal(socket.getProtocol(), maxVersion);
    await assert.rejects(open(openTransport, peer.url, { tls: { psk: { identity: 'other', key: psk } } }), {
      code: 'DISCONNECTED',
      message: /^cannot connect to 127\.0\.0\.1:\d+: [\w /-]+$/,
    });
  }
});

test('a server that answers a pre-shared key with a certificate is asked for its name', async () => {
  await using peer = await serveTls();
  const psk = { identity: 'sensor', key: new Uint8Array(16) };
  const tls = { psk, ca: authority.certificate.cert, serverName: 'other.example' };
  await assert.rejects(open(openTransport, peer.url, { tls }), { code: 'DISCONNECTED', message: /other\.example/ });
});

test('material that is none is INVALID', async () => {
  await using peer = await serveTls();
  for (const tls of [{ cert: 'no certificate' }, { cert: client.cert, key: server.key }]) {
    await assert.rejects(open(openTransport, peer.url, { tls }), { code: 'INVALID', message: /^tls: / });
  }
});

test('a secure WebSocket takes authority, client certificate and headers through the package ws', async () => {
  const https = createHttpsServer({ ...server, ca: authority.certificate.cert, requestCert: true, rejectUnauthorized: true });
  await using peer = await serveWebSocket(https, 'wss');
  const { cert, key } = client;
  const tls = { ca: authority.certificate.cert, cert, key };
  const { transport } = await open(openTransport, peer.url, { tls, headers: { 'x-tenant': 'blue' } });
  const broker = await peer.accept();
  assert.equal((peer.headers() as Record<string, string>)['x-tenant'], 'blue');
  transport.write(Buffer.from('hello'));
  assert.equal((await readBytes(broker, 5)).toString(), 'hello');
  transport.destroy();
  await assert.rejects(open(openTransport, peer.url, { tls: { cert, key } }), {
    code: 'DISCONNECTED',
    message: /unable to verify|self-signed/,
  });
  await assert.rejects(open(openTransport, peer.url), { code: 'DISCONNECTED' });
  await assert.rejects(open(openTransport, peer.url, { tls: { ...tls, key: 'none' } }), { code: 'INVALID' });
});
