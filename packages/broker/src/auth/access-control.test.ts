import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/logger.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { tempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import type { AccessControlOptions, AccessSettings } from './access-control.ts';
import { AccessControl, AccessSettingsError, defaultAccessSettings } from './access-control.ts';
import { identityOf, localIdentityOf, principalOf } from './test-identity.ts';

const hash = '$7$101$lpK0SETlOI4Cc8VH$uEPcvNWmoGDs/zX8ixKzv60VzVH+6/oxDhg+Qwj9ufW6xU8ROiLKENR6jFxblteseJgYdqfnvyhKoeZocHDsLA==';
const secret = Buffer.from('secret');
const admin = localIdentityOf({ username: 'admin' });

function accessWith(options: Partial<AccessControlOptions> = {}): AccessControl {
  return new AccessControl({ clock: new FakeClock(), log: silentLogger, ...options });
}

async function loaded(settings: Partial<AccessSettings>, options: Partial<AccessControlOptions> = {}): Promise<AccessControl> {
  const access = accessWith(options);
  await access.load({ ...defaultAccessSettings, ...settings });
  return access;
}

async function ask(access: AccessControl, identity = identityOf(), password: Uint8Array | null = null): Promise<number | string | null> {
  const outcome = await access.authentication.authenticate(identity, password);
  return outcome.kind === 'allow' ? outcome.principal.owner : outcome.reasonCode;
}

test('before the settings are there, nobody gets in and nothing is allowed', async () => {
  const access = accessWith();
  assert.equal(await ask(access, localIdentityOf()), 0x87);
  assert.equal(access.authorization.authorizePublish(principalOf('alice'), 'a', 0, false), false);
});

test('without a configuration everybody on loopback gets in, and nobody elsewhere', async () => {
  const access = await loaded({});
  assert.equal(await ask(access, localIdentityOf()), 'anonymous');
  assert.equal(await ask(access, admin, secret), 'anonymous', 'dummy credentials');
  assert.equal(await ask(access), 0x87);
  assert.equal(await ask(access, identityOf({ username: 'admin' }), secret), 0x86);
});

test('as soon as one user exists, wrong credentials are refused on loopback too; anonymous clients are not', async () => {
  const access = await loaded({ users: { alice: { password: hash } } });
  assert.equal(await ask(access, admin, secret), 0x86);
  assert.equal(await ask(access, localIdentityOf({ username: 'alice' }), secret), 'user:alice');
  assert.equal(await ask(access, localIdentityOf()), 'anonymous');
});

test('a provider of the embedder means that credentials are checked', async () => {
  const access = await loaded({}, { authenticationProviders: [{ name: 'tokens', authenticate: () => ({ kind: 'ignore' }) }] });
  assert.equal(await ask(access, admin, secret), 0x86);
});

test('users come from the configuration and the file; reloading the file takes and gives', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'passwords');
  const settings = {
    ...defaultAccessSettings,
    passwordFile: { path, isRequired: false },
    users: { root: { password: hash, superuser: true } },
  };
  const access = accessWith();
  await access.load(settings);
  assert.equal(await ask(access, identityOf({ username: 'bob' }), secret), 0x86);
  await writeFile(path, `bob:${hash}\n`, { mode: 0o600 });
  assert.deepEqual(await access.load(settings), { revokedUsers: [] });
  assert.equal(await ask(access, identityOf({ username: 'bob' }), secret), 'user:bob');
  assert.equal(await ask(access, identityOf({ username: 'root' }), secret), 'user:root');
  await writeFile(path, '');
  assert.deepEqual(await access.load({ ...settings, users: { root: { password: hash } } }), { revokedUsers: ['bob', 'root'] });
  assert.equal(await ask(access, identityOf({ username: 'bob' }), secret), 0x86);
  await access.load({ ...settings, users: {} });
  assert.equal(await ask(access, admin, secret), 0x86, 'an empty password file does not open the door (A21)');
});

test('a load with problems names all of them and changes nothing (A22, A24)', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'passwords');
  const access = await loaded({ users: { alice: { password: hash } } });
  const epoch = access.authorization.epoch;
  await writeFile(path, `bob:${hash}\ncarol\n`, { mode: 0o600 });
  const bad: AccessSettings = {
    ...defaultAccessSettings,
    passwordFile: { path, isRequired: true },
    users: { bob: { password: hash }, dave: {}, erin: { password: 'secret-canary' } },
    rules: [{ permission: 'allow', action: 'all', topics: ['a/%cb'] }],
  };
  await assert.rejects(access.load(bad), (error) => {
    assert.ok(error instanceof AccessSettingsError);
    assert.deepEqual(
      error.problems.map(({ where }) => where),
      [`${path}:2`, 'auth.users.bob', 'auth.users.dave', 'auth.users.erin', 'auth.rules[0].topics[0]'],
    );
    assert.ok(!error.message.includes('secret-canary') && !error.message.includes('uEPcv'), 'no secret in the message');
    return true;
  });
  await assert.rejects(
    access.load({ ...bad, passwordFile: { path: join(directory.path, 'missing'), isRequired: true } }),
    AccessSettingsError,
  );
  await assert.rejects(access.load({ ...bad, passwordFile: { path: directory.path, isRequired: false } }), {
    code: 'password-file-unreadable',
  });
  assert.equal(await ask(access, identityOf({ username: 'alice' }), secret), 'user:alice');
  assert.equal(access.authorization.epoch, epoch);
});

test('a listener with a chain of its own accepts what it names and nothing else (A23)', async () => {
  const access = await loaded({
    anonymous: 'always',
    users: { alice: { password: hash } },
    listeners: { 'tls.meters': { certificate: 'username' }, 'tcp.people': { users: true }, 'tcp.closed': {} },
  });
  const meter = identityOf({ listener: 'tls.meters', certificateCommonName: 'meter-7' });
  assert.equal(await ask(access), 'anonymous');
  assert.equal(await ask(access, meter), 'cert:meter-7');
  assert.equal(await ask(access, { ...meter, certificateCommonName: null }), 0x87);
  assert.equal(await ask(access, { ...meter, certificateCommonName: null, username: 'alice' }, secret), 0x86);
  assert.equal(await ask(access, identityOf({ listener: 'tcp.people', username: 'alice' }), secret), 'user:alice');
  assert.equal(await ask(access, identityOf({ listener: 'tcp.people' })), 0x87);
  assert.equal(await ask(access, identityOf({ listener: 'tcp.closed', isLoopbackListener: true })), 0x87);
  const methods = async (listener: string): Promise<unknown> => {
    const step = await access.enhanced.start('SCRAM-SHA-256', identityOf({ listener })).proceed(Buffer.from('n,,n=alice,r=clientnonce'));
    return step.kind === 'fail' ? step.reasonCode : step.kind;
  };
  assert.deepEqual(
    [await methods('tls.meters'), await methods('tcp.people'), await methods('tcp.default')],
    [0x8c, 'continue', 'continue'],
  );
});

test('rules judge a will when it is set and again when it is published, with the rules of that moment (A12)', async () => {
  const access = await loaded({ rules: [{ permission: 'allow', action: 'publish', topics: ['wills/%u'] }] });
  // As a session keeps it, through a restart.
  const principal = JSON.parse(JSON.stringify(principalOf('alice'))) as ReturnType<typeof principalOf>;
  assert.equal(access.authorization.authorizePublish(principal, 'wills/alice', 1, true), true);
  await access.load({ ...defaultAccessSettings, rules: [] });
  assert.equal(access.authorization.authorizePublish(principal, 'wills/alice', 1, true), false);
});

test('a superuser is only who is one by the configuration (A44)', async () => {
  const access = await loaded({ users: { root: { password: hash, superuser: true }, alice: { password: hash } }, rules: [] });
  for (const [username, expected] of [
    ['root', true],
    ['alice', false],
  ] as const) {
    const outcome = await access.authentication.authenticate(identityOf({ username }), secret);
    assert.ok(outcome.kind === 'allow');
    assert.equal(access.authorization.authorizePublish(outcome.principal, 'a', 0, false), expected);
  }
});

test('a client may announce its own state under $SYS as a bridge does, and nobody else may; rules come first', async () => {
  const own = principalOf('alice', { clientId: 'host.bridge' });
  const mayPublish = async (settings: Partial<AccessSettings>, topic: string, principal = own) => {
    const { authorization } = await loaded(settings);
    assert.equal(await authorization.authorizeSubscribe(principal, topic, 0), 'deny');
    assert.equal(authorization.mayReceive(principal, topic, 0), false);
    return authorization.authorizePublish(principal, topic, 1, true);
  };
  const state = '$SYS/broker/connection/host.bridge/state';
  assert.equal(await mayPublish({}, state), true);
  assert.equal(await mayPublish({}, state, principalOf('alice', { clientId: 'other' })), false);
  assert.equal(await mayPublish({}, state, principalOf('alice', { clientId: 'Host.bridge' })), false);
  for (const topic of [
    '$SYS/broker/connection/host.bridge/version',
    '$SYS/broker/connection/host.bridge',
    '$SYS/broker/connection/state',
    '$SYS/broker/connection/host.bridge/state/more',
    '$SYS/broker/clients/host.bridge/state',
  ]) {
    assert.equal(await mayPublish({}, topic), false, topic);
  }
  for (const clientId of ['a/b', '/', 'a/state', '']) {
    assert.equal(await mayPublish({}, `$SYS/broker/connection/${clientId}/state`, principalOf('alice', { clientId })), false, clientId);
  }
  assert.equal(await mayPublish({ rules: [], noMatch: 'allow' }, state), true);
  assert.equal(await mayPublish({ rules: [], noMatch: 'deny' }, state), false);
  const deny = { permission: 'deny', action: 'publish', topics: ['$SYS/#'] } as const;
  assert.equal(await mayPublish({ rules: [deny], noMatch: 'allow' }, state), false);
});
