import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { launchBroker, nodeBinary, repository, tempDirectory, TestAuthority } from '@wrenmq/testkit';
import { needs, run, Subscriber, useLaunchedBroker } from './interop.ts';

// Who may come in, and whom the clients of mosquitto trust: TLS with and without client certificates, and both kinds of password files.

const directory = await tempDirectory();
after(() => directory.remove());
const authority = await TestAuthority.create(directory.path);
const elsewhere = await authority.issue({ commonName: 'elsewhere.example', alternativeNames: ['DNS:elsewhere.example'] });
const local = await authority.issue({ commonName: 'localhost', alternativeNames: ['DNS:localhost'] });
const sensor = await authority.issue({ commonName: 'sensor' });
const stranger = await (await TestAuthority.create(directory.path, 'another authority')).issue({ commonName: 'sensor' });

const configuration = join(directory.path, 'wrenmq.yaml');
await writeFile(
  configuration,
  `listeners:
  elsewhere:
    kind: tls
    bind: 127.0.0.1:0
    tls: { cert: '${elsewhere.certFile}', key: '${elsewhere.keyFile}' }
  mutual:
    kind: tls
    bind: 127.0.0.1:0
    anonymous: deny
    tls:
      cert: '${local.certFile}'
      key: '${local.keyFile}'
      ca: '${authority.certificate.certFile}'
      clientCertificate: required
      certificateAs: username
authorization:
  rules:
    - { permission: allow, action: all, topics: ['own/%u/#'] }
    - { permission: allow, action: all, topics: ['open/#'] }
`,
);
const place = useLaunchedBroker({ args: ['--config', configuration] });
const options = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const withPasswd = { timeout: 60_000, ...needs('/usr/bin/mosquitto_passwd', 'mosquitto') };
const versions = ['31', '311', '5'] as const;

const at = (host: string, listener: string, ...more: readonly string[]): string[] => ['-h', host, '-p', `${place.port(listener)}`, ...more];

for (const version of versions) {
  test(
    `mosquitto_pub and mosquitto_sub trust the certificate that the broker made, for each of its names (${version})`,
    options,
    async () => {
      for (const [host, listener] of [
        ['localhost', 'tls'],
        ['127.0.0.1', 'tls'],
        ['localhost', 'tls1884'],
      ] as const) {
        const tls = at(host, listener, '-V', version, '--cafile', place.caFile, '-q', '1', '-t', `open/${listener}/${host}`);
        await run('mosquitto_pub', [...tls, '-m', 'secret', '-r']);
        assert.equal((await run('mosquitto_sub', [...tls, '-C', '1'])).stdout, 'secret\n');
      }
    },
  );

  test(`the common name of a client certificate is the user name, whatever -u says (${version})`, options, async (t) => {
    const certificate = ['--cafile', authority.certificate.certFile, '--cert', sensor.certFile, '--key', sensor.keyFile];
    const mutual = at('localhost', 'mutual', '-V', version, ...certificate, '-u', 'admin', '-q', '1');
    const subscriber = await Subscriber.start(t, [...mutual, '-t', 'own/sensor/#']);
    await run('mosquitto_pub', [...mutual, '-t', `own/admin/${version}`, '-m', 'not allowed']).catch(() => {});
    await run('mosquitto_pub', [...mutual, '-t', `own/sensor/${version}`, '-m', 'allowed']);
    assert.equal(await subscriber.next(), `own/sensor/${version} 1 0 allowed`);
    if (version === '31') return;
    const denied = await run('mosquitto_sub', [...mutual, '-t', 'own/admin/#', '-E']);
    assert.match(denied.stdout + denied.stderr, /denied/);
  });
}

/** A program that writes password files, and its arguments before file, user and password. */
const makers = [
  ['wrenmq passwd', nodeBinary, ['--conditions=@wrenmq/source', join(repository, 'packages/wrenmq/src/main.ts'), 'passwd']],
  ['mosquitto_passwd', 'mosquitto_passwd', []],
] as const;

for (const [maker, command, args] of makers) {
  test(`the users of a file made by ${maker} come in, and nobody else`, withPasswd, async () => {
    const file = join(directory.path, maker.replace(' ', '-'));
    await run(command, [...args, '-c', '-b', file, 'ada', 'lovelace']);
    await run(command, [...args, '-b', file, 'grace', 'pässwörd: 1']);
    await using broker = await launchBroker({ settings: { 'authentication.passwordFile': file, 'authentication.anonymous': 'never' } });
    const message = ['-h', '127.0.0.1', '-p', `${broker.target().port}`, '-t', 'a', '-m', 'b', '-q', '1'];
    for (const version of versions) {
      const send = (...who: readonly string[]): Promise<unknown> => run('mosquitto_pub', [...message, '-V', version, ...who]);
      await send('-u', 'ada', '-P', 'lovelace');
      await send('-u', 'grace', '-P', 'pässwörd: 1');
      const refused = { stderr: /not authori[sz]ed|bad user name or password/i };
      await assert.rejects(send('-u', 'ada', '-P', 'Lovelace'), refused);
      await assert.rejects(send('-u', 'grace', '-P', 'lovelace'), refused);
      await assert.rejects(send('-u', 'eve', '-P', 'lovelace'), refused);
      await assert.rejects(send('-u', 'ada'), refused);
      await assert.rejects(send(), refused);
    }
  });
}

test('mosquitto_pub refuses a broker whose authority it does not know', options, async () => {
  const message = ['-t', 'open/never', '-m', 'x', '-q', '1'];
  await assert.rejects(run('mosquitto_pub', [...at('localhost', 'tls', '--tls-use-os-certs'), ...message]), { stderr: /TLS|certificate/ });
  await assert.rejects(run('mosquitto_pub', [...at('localhost', 'tls', '--cafile', authority.certificate.certFile), ...message]), {
    stderr: /TLS|certificate/,
  });
});

test('mosquitto_pub refuses a broker whose certificate is for another name, unless it is told not to look', options, async () => {
  const message = at('localhost', 'elsewhere', '--cafile', authority.certificate.certFile, '-t', 'open/elsewhere', '-m', 'x', '-q', '1');
  await assert.rejects(run('mosquitto_pub', message), { stderr: /host name verification failed|TLS|certificate/ });
  await run('mosquitto_pub', [...message, '--insecure']);
});

test('a client without a certificate, or with one of another authority, does not come in', options, async () => {
  const message = at(
    'localhost',
    'mutual',
    '--cafile',
    authority.certificate.certFile,
    '-t',
    'open/mutual',
    '-m',
    'x',
    '-q',
    '1',
    '-V',
    '5',
  );
  await assert.rejects(run('mosquitto_pub', message));
  await assert.rejects(run('mosquitto_pub', [...message, '--cert', stranger.certFile, '--key', stranger.keyFile]));
  await run('mosquitto_pub', [...message, '--cert', sensor.certFile, '--key', sensor.keyFile]);
});
