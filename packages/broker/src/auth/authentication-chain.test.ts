import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/logger.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { AnonymousProvider } from './anonymous-provider.ts';
import { AuthenticationChain } from './authentication-chain.ts';
import type { AuthenticationProvider, AuthenticationRequest, Verdict } from './authenticator.ts';
import type { CertificateUse } from './certificate-provider.ts';
import { CertificateProvider } from './certificate-provider.ts';
import type { ClientIdentity } from './client-identity.ts';
import { FailureDamper } from './failure-damper.ts';
import { HashPool } from './hash-pool.ts';
import { hashPassword, parsePasswordHash } from './password-hash.ts';
import { PasswordVerifier } from './password-verifier.ts';
import { identityOf, localIdentityOf } from './test-identity.ts';
import { UserDirectory } from './user-directory.ts';
import type { User } from './user.ts';
import { parseUser } from './user.ts';
import { UsersProvider } from './users-provider.ts';

const hash = '$7$101$lpK0SETlOI4Cc8VH$uEPcvNWmoGDs/zX8ixKzv60VzVH+6/oxDhg+Qwj9ufW6xU8ROiLKENR6jFxblteseJgYdqfnvyhKoeZocHDsLA==';
const secret = Buffer.from('secret');
const allow = (username: string | null): Verdict => ({ kind: 'allow', grant: { username } });
const denial: Verdict = { kind: 'deny', reasonCode: 0x8a, reason: 'banned' };
const ignore: Verdict = { kind: 'ignore' };

type Answer = (request: AuthenticationRequest) => Verdict | Promise<Verdict>;

function provider(name: string, answer: Answer): AuthenticationProvider {
  return { name, authenticate: answer };
}

function chainOf(providers: AuthenticationProvider[], byListener = new Map<string, AuthenticationProvider[]>()) {
  const clock = new FakeClock();
  const errors: string[] = [];
  const log = { ...silentLogger, error: (fields: object, message: string) => void errors.push(`${JSON.stringify(fields)} ${message}`) };
  const chain = new AuthenticationChain({ clock, log, damper: new FailureDamper(clock), timeoutMs: 5000 });
  chain.replace({ everywhere: providers, byListener });
  return { chain, clock, errors };
}

function usersProvider(...users: User[]): { provider: UsersProvider; directory: UserDirectory } {
  const directory = new UserDirectory();
  directory.replace(new Map(users.map((user) => [user.name, user])));
  return { provider: new UsersProvider(directory, new PasswordVerifier(poolOf(2, 16), 16)), directory };
}

function userOf(name: string, isSuperuser = false): User {
  const user = parseUser({ name, hash, scram: null, isSuperuser });
  assert.ok(!Array.isArray(user));
  return user;
}

function poolOf(concurrentMax: number, waitingMax: number): HashPool {
  return new HashPool(new FakeClock(), { concurrentMax, waitingMax, waitMsMax: 1000 });
}

/** The principal's user name, or the reason code of the refusal. */
async function ask(chain: AuthenticationChain, identity: ClientIdentity, password: Uint8Array | null = null): Promise<unknown> {
  const outcome = await chain.authenticate(identity, password);
  return outcome.kind === 'allow' ? outcome.principal.username : outcome.reasonCode;
}

test('the first provider that does not ignore the client decides', async () => {
  const asked: string[] = [];
  const say = (name: string, verdict: Verdict) =>
    provider(name, () => {
      asked.push(name);
      return verdict;
    });
  const { chain } = chainOf([say('one', ignore), say('two', allow('alice')), say('three', denial)]);
  assert.equal(await ask(chain, identityOf()), 'alice');
  assert.deepEqual(asked, ['one', 'two']);
  assert.equal(await ask(chainOf([say('one', ignore), say('three', denial), say('two', allow('alice'))]).chain, identityOf()), 0x8a);
});

test('when nobody knows the client it is refused: 0x86 with credentials, 0x87 without', async () => {
  for (const { chain } of [chainOf([]), chainOf([provider('one', () => ignore)])]) {
    assert.equal(await ask(chain, identityOf()), 0x87);
    assert.equal(await ask(chain, identityOf({ username: 'alice' })), 0x86);
    assert.equal(await ask(chain, identityOf({ username: '' })), 0x86);
    assert.equal(await ask(chain, identityOf(), secret), 0x86);
  }
});

const failures: [string, Answer][] = [
  ['throws', () => assert.fail('password secret')],
  ['rejects', () => Promise.reject(new Error('down'))],
  ['says nothing', () => undefined as unknown as Verdict],
  ['says yes in its own words', () => ({ kind: 'yes' }) as unknown as Verdict],
  ['says true', () => true as unknown as Verdict],
  ['allows without a grant', () => ({ kind: 'allow' }) as unknown as Verdict],
  ['allows somebody without a name', () => ({ kind: 'allow', grant: {} }) as unknown as Verdict],
  ['allows with a truthy superuser', () => ({ kind: 'allow', grant: { username: 'a', isSuperuser: 1 } }) as unknown as Verdict],
  ['denies with success', () => ({ kind: 'deny', reasonCode: 0, reason: 'fine' }) as unknown as Verdict],
];

for (const [what, answer] of failures) {
  test(`a provider that ${what} refuses the client, and nobody else is asked (A25)`, async () => {
    const { chain, errors } = chainOf([provider('broken', answer), provider('next', () => allow('alice'))]);
    assert.equal(await ask(chain, identityOf()), 0x87);
    assert.equal(errors.length, 1);
    assert.match(errors[0], /broken/);
  });
}

test('a provider that does not answer in time refuses the client and learns that nobody waits (A25)', async () => {
  const late = Promise.withResolvers<Verdict>();
  let signal: AbortSignal | undefined;
  const { chain, clock, errors } = chainOf([
    provider('slow', (request) => {
      signal = request.signal;
      return late.promise;
    }),
  ]);
  const answer = ask(chain, identityOf());
  assert.equal(clock.pending, 1);
  clock.advance(5000);
  assert.equal(await answer, 0x87);
  assert.equal(signal?.aborted, true);
  assert.equal(errors.length, 1);
  late.resolve(allow('alice'));
});

test('a listener with a chain of its own asks nobody else (A23)', async () => {
  const { chain } = chainOf([provider('global', () => allow('everybody'))], new Map([['tcp.strict', [provider('own', () => denial)]]]));
  assert.equal(await ask(chain, identityOf()), 'everybody');
  assert.equal(await ask(chain, identityOf({ listener: 'tcp.strict' })), 0x8a);
});

test('five wrong passwords lock the name for that address; the right one does not help until the lock ends (S2)', async () => {
  const { chain, clock } = chainOf([usersProvider(userOf('alice')).provider]);
  const alice = identityOf({ username: 'alice' });
  for (let count = 0; count < 5; count += 1) assert.equal(await ask(chain, alice, Buffer.from('guess')), 0x86);
  assert.equal(await ask(chain, alice, secret), 0x9f);
  assert.equal(await ask(chain, { ...alice, peerAddress: '192.0.2.99' }, secret), 'alice', 'alice gets in from elsewhere');
  assert.equal(await ask(chain, { ...alice, isLoopbackListener: true }, secret), 'alice', 'and from the machine itself');
  clock.advance(30_000);
  assert.equal(await ask(chain, alice, secret), 'alice');
});

test('a user gets in with the password, exactly as it is', async () => {
  const { chain } = chainOf([usersProvider(userOf('alice'), userOf('root', true)).provider]);
  const outcome = await chain.authenticate(identityOf({ username: 'root' }), secret);
  assert.deepEqual(outcome, {
    kind: 'allow',
    principal: {
      clientId: 'sensor-1',
      username: 'root',
      isAnonymous: false,
      isSuperuser: true,
      owner: 'user:root',
      listener: 'tcp.default',
      peerAddress: '192.0.2.7',
      isLoopbackListener: false,
      protocolVersion: 5,
    },
  });
  for (const password of ['Secret', 'secret ', 'secre', '', 'secre\0']) {
    assert.equal(await ask(chain, identityOf({ username: 'alice' }), Buffer.from(password)), 0x86);
  }
  assert.equal(await ask(chain, identityOf({ username: 'Alice', peerAddress: '192.0.2.8' }), secret), 0x86);
  assert.equal(await ask(chain, identityOf({ username: 'alice', peerAddress: '192.0.2.8' }), null), 0x86);
  assert.equal(await ask(chain, identityOf({ peerAddress: '192.0.2.8' }), secret), 0x86);
});

test('a missing password is not an empty one', async () => {
  const empty = { ...userOf('alice'), passwordHash: parsePasswordHash(await hashPassword('')) } as User;
  const { chain } = chainOf([usersProvider(empty).provider]);
  assert.equal(await ask(chain, identityOf({ username: 'alice' }), Buffer.alloc(0)), 'alice');
  assert.equal(await ask(chain, identityOf({ username: 'alice' }), null), 0x86);
});

test('an unknown user looks like a wrong password and costs the same', async () => {
  const costs: string[] = [];
  const directory = new UserDirectory();
  directory.replace(new Map([['alice', userOf('alice')]]));
  const verifier = new (class extends PasswordVerifier {
    override verify(...[name, stored, password]: Parameters<PasswordVerifier['verify']>): Promise<boolean> {
      costs.push(stored.scheme);
      return super.verify(name, stored, password);
    }
  })(poolOf(1, 1), 1);
  const { chain } = chainOf([new UsersProvider(directory, verifier)]);
  assert.equal(await ask(chain, identityOf({ username: 'alice' }), Buffer.from('guess')), 0x86);
  assert.equal(await ask(chain, identityOf({ username: 'nobody' }), Buffer.from('guess')), 0x86);
  assert.deepEqual(costs, ['pbkdf2-sha512', 'pbkdf2-sha512']);
});

test('a user who is taken away while the password is hashed does not get in', async () => {
  const { provider: users, directory } = usersProvider(userOf('alice'));
  const { chain } = chainOf([users]);
  const answer = ask(chain, identityOf({ username: 'alice' }), secret);
  directory.replace(new Map());
  assert.equal(await answer, 0x86);
});

test('when too many passwords are being hashed, the client is told that the server is busy', async () => {
  const directory = new UserDirectory();
  directory.replace(new Map([['alice', userOf('alice')]]));
  const { chain } = chainOf([new UsersProvider(directory, new PasswordVerifier(poolOf(1, 0), 1))]);
  const alice = identityOf({ username: 'alice' });
  const answers = await Promise.all([ask(chain, alice, secret), ask(chain, alice, Buffer.from('other'))]);
  assert.deepEqual(answers, ['alice', 0x89]);
});

test('anonymous clients get in where the policy permits (section 9)', async () => {
  const table = [
    ['loopback', true, null],
    ['loopback', false, 0x87],
    ['always', true, null],
    ['always', false, null],
    ['never', true, 0x87],
    ['never', false, 0x87],
  ] as const;
  for (const [policy, isLoopbackListener, expected] of table) {
    const { chain } = chainOf([new AnonymousProvider(policy, () => true)]);
    // Where the client comes from says nothing (A35).
    for (const peerAddress of ['127.0.0.1', '192.0.2.7']) {
      assert.equal(await ask(chain, identityOf({ isLoopbackListener, peerAddress })), expected, `${policy} ${isLoopbackListener}`);
    }
  }
});

test('wrong credentials and empty user names are never anonymous where somebody can check them (A26)', async () => {
  for (const policy of ['loopback', 'always'] as const) {
    const { chain } = chainOf([usersProvider(userOf('alice')).provider, new AnonymousProvider(policy, () => true)]);
    for (const identity of [localIdentityOf(), identityOf({ peerAddress: `${policy}.example` })]) {
      assert.equal(await ask(chain, { ...identity, username: 'alice' }, Buffer.from('guess')), 0x86);
      assert.equal(await ask(chain, { ...identity, username: 'nobody' }, secret), 0x86);
      assert.equal(await ask(chain, { ...identity, username: '' }), 0x86);
      assert.equal(await ask(chain, identity, secret), 0x86);
    }
  }
});

test('dummy credentials are ignored on a loopback listener that knows no users, and only there', async () => {
  const { chain } = chainOf([new AnonymousProvider('always', () => false)]);
  const outcome = await chain.authenticate(localIdentityOf({ username: 'admin' }), secret);
  assert.ok(outcome.kind === 'allow');
  assert.equal(outcome.principal.username, null, 'the name is not proven');
  assert.equal(outcome.principal.owner, 'anonymous');
  assert.equal(await ask(chain, localIdentityOf(), secret), null);
  assert.equal(await ask(chain, identityOf({ username: 'admin' }), secret), 0x86);
});

test('a verified certificate stands for the user or the client id, whatever the client sent', async () => {
  const certificate = (use: CertificateUse, certificateCommonName: string | null) =>
    chainOf([new CertificateProvider(use)]).chain.authenticate(identityOf({ username: 'root', certificateCommonName }), secret);
  const asUser = await certificate('username', 'meter-7');
  assert.ok(asUser.kind === 'allow');
  assert.deepEqual([asUser.principal.username, asUser.principal.clientId, asUser.principal.owner], ['meter-7', 'sensor-1', 'cert:meter-7']);
  const asClient = await certificate('clientId', 'meter-7');
  assert.ok(asClient.kind === 'allow');
  assert.deepEqual([asClient.principal.username, asClient.principal.clientId, asClient.principal.owner], [null, 'meter-7', 'cert:meter-7']);
  assert.equal(asClient.principal.isAnonymous, false);
  assert.equal((await certificate('off', 'meter-7')).kind, 'deny');
  assert.equal((await certificate('username', null)).kind, 'deny');
});

test('a common name that is empty or has control characters is refused, and no later provider is asked (A36)', async () => {
  const { chain } = chainOf([new CertificateProvider('username'), new AnonymousProvider('always', () => false)]);
  for (const certificateCommonName of ['', 'a\0b', 'a\nb', 'a\u0085b', '\ud800']) {
    assert.equal(await ask(chain, identityOf({ certificateCommonName })), 0x87);
  }
});
