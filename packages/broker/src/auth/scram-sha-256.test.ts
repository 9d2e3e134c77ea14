import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/logger.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { EnhancedAuthentication } from './enhanced-authentication.ts';
import type { EnhancedExchange, EnhancedMethod, EnhancedStep, MethodStep } from './enhanced-method.ts';
import { FailureDamper } from './failure-damper.ts';
import { prepareSaslText } from './sasl-prep.ts';
import type { ScramCredential } from './scram-credential.ts';
import {
  deriveScramCredential,
  formatScramCredential,
  hmacSha256,
  makeScramCredential,
  parseScramCredential,
  sha256,
} from './scram-credential.ts';
import { ScramSha256 } from './scram-sha-256.ts';
import { identityOf, principalOf } from './test-identity.ts';
import type { User } from './user.ts';

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const serverSecret = Buffer.alloc(32, 7);
const pencil = await deriveScramCredential('pencil', salt, 4096);

function userOf(name: string, scram: ScramCredential | null): User {
  return { name, passwordHash: null, scram, isSuperuser: false };
}

function usersOf(...users: User[]): Map<string, User> {
  return new Map(users.map((user) => [user.name, user]));
}

function scramFor(users: Map<string, User>, nonce?: string): ScramSha256 {
  const find = (name: string): User | undefined => users.get(name);
  return new ScramSha256({ users: { find }, serverSecret, ...(nonce === undefined ? {} : { makeNonce: () => nonce }) });
}

function proceed(exchange: EnhancedExchange, text: string): { kind: string; text: string } {
  const step = exchange.proceed(Buffer.from(text)) as MethodStep;
  return { kind: step.kind, text: step.kind === 'fail' ? step.reasonCode.toString(16) : Buffer.from(step.data ?? '').toString() };
}

/** A client: answers the server's first message with the proof of `password`. */
async function finalMessage(
  clientFirst: string,
  serverFirst: string,
  password: string,
  mend: (withoutProof: string) => string = (text) => text,
): Promise<string> {
  const [header, bare] = [clientFirst.slice(0, clientFirst.indexOf(',,') + 2), clientFirst.slice(clientFirst.indexOf(',,') + 2)];
  const [, nonce, saltText, iterations] = /^r=([^,]*),s=([^,]*),i=([0-9]+)$/.exec(serverFirst) ?? [];
  const { pbkdf2Sync } = await import('node:crypto');
  const salted = pbkdf2Sync(password, Buffer.from(saltText, 'base64'), Number(iterations), 32, 'sha256');
  const clientKey = hmacSha256(salted, 'Client Key');
  const withoutProof = mend(`c=${Buffer.from(header).toString('base64')},r=${nonce}`);
  const signature = hmacSha256(sha256(clientKey), `${bare},${serverFirst},${withoutProof}`);
  return `${withoutProof},p=${Buffer.from(clientKey.map((byte, index) => byte ^ signature[index])).toString('base64')}`;
}

test('the exchange of RFC 7677 section 3 is reproduced byte by byte', () => {
  const exchange = scramFor(usersOf(userOf('user', pencil)), '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0').start();
  const first = proceed(exchange, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  assert.equal(first.text, 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096');
  assert.equal(first.kind, 'continue');
  const last = 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
  const step = exchange.proceed(Buffer.from(last)) as MethodStep;
  assert.ok(step.kind === 'success');
  assert.equal(Buffer.from(step.data ?? '').toString(), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  assert.deepEqual(step.grant, { username: 'user', isSuperuser: false });
});

test('names with commas, equals signs and letters of any script get in; a wrong password does not', async () => {
  for (const [name, written] of [
    ['a,b=c', 'a=2Cb=3Dc'],
    ['зоя', 'зоя'],
    ['user', 'user'],
    ['IX', '\u2168'],
  ]) {
    const method = scramFor(usersOf(userOf(name, pencil)));
    for (const [password, kind] of [
      ['pencil', 'success'],
      ['Pencil', 'fail'],
    ]) {
      const exchange = method.start();
      const clientFirst = `y,,n=${written},r=clientnonce`;
      const serverFirst = proceed(exchange, clientFirst).text;
      assert.equal(exchange.claimedUsername, name);
      const last = proceed(exchange, await finalMessage(clientFirst, serverFirst, password));
      assert.equal(last.kind, kind);
      if (kind === 'fail') assert.equal(last.text, '86');
    }
  }
});

const badFirst = [
  '',
  'n,,',
  'p=tls-unique,,n=user,r=clientnonce',
  'x,,n=user,r=clientnonce',
  'n,,r=clientnonce',
  'n,,n=,r=clientnonce',
  'n,,n=user,r=',
  'n,,n=user,r=short',
  'n,,n=us=er,r=clientnonce',
  'n,,n=us=2cer,r=clientnonce',
  'n,,n=us\0er,r=clientnonce',
  'n,,n=\u00ad,r=clientnonce',
  'n,,n=user,r=client nonce',
  'n,,m=must,n=user,r=clientnonce',
  'n,a=root,n=user,r=clientnonce',
  `n,,n=${'x'.repeat(5000)},r=clientnonce`,
];

test('malformed first messages, channel binding and acting for others are refused', () => {
  for (const text of badFirst)
    assert.deepEqual(proceed(scramFor(usersOf(userOf('user', pencil))).start(), text), { kind: 'fail', text: '87' }, text);
  assert.equal((scramFor(usersOf()).start().proceed(null) as MethodStep).kind, 'fail');
  assert.equal(
    (
      scramFor(usersOf())
        .start()
        .proceed(Buffer.from([0x6e, 0xff])) as MethodStep
    ).kind,
    'fail',
  );
});

test('a last message with another nonce or channel header is refused, however well it is proven', async () => {
  const clientFirst = 'n,,n=user,r=clientnonce';
  const mends: ((withoutProof: string) => string)[] = [
    (text) => text.replace('r=clientnonce', 'r=clientnoncX'),
    (text) => text.slice(0, text.indexOf('r=')) + 'r=clientnonce',
    (text) => text.replace('c=biws', `c=${Buffer.from('y,,').toString('base64')}`),
    (text) => text.replace('c=biws', 'c='),
  ];
  for (const mend of mends) {
    const exchange = scramFor(usersOf(userOf('user', pencil))).start();
    const last = await finalMessage(clientFirst, proceed(exchange, clientFirst).text, 'pencil', mend);
    assert.deepEqual(proceed(exchange, last), { kind: 'fail', text: '87' });
  }
});

test('a last message without a whole proof is refused, and none is taken twice', async () => {
  const clientFirst = 'n,,n=user,r=clientnonce';
  const mends: ((last: string) => string)[] = [
    (last) => last.replace(/,p=.*/, ''),
    (last) => last.replace(/,p=.*/, ',p=AAAA'),
    (last) => last.replace(/,p=/, ',p=AAAA'),
    (last) => last.replace(/,p=.*/, ',p='),
  ];
  for (const mend of mends) {
    const exchange = scramFor(usersOf(userOf('user', pencil))).start();
    const good = await finalMessage(clientFirst, proceed(exchange, clientFirst).text, 'pencil');
    assert.deepEqual(proceed(exchange, mend(good)), { kind: 'fail', text: '87' });
    assert.equal(proceed(exchange, good).kind, 'fail', 'the exchange is over');
  }
});

test('an unknown user gets the same salt each time, another one per name, and fails like a wrong password', async () => {
  const method = scramFor(usersOf(userOf('user', pencil), userOf('no-scram', null)));
  const saltOf = (name: string): string => /,s=([^,]*),i=4096$/.exec(proceed(method.start(), `n,,n=${name},r=clientnonce`).text)?.[1] ?? '';
  assert.equal(saltOf('nobody'), saltOf('nobody'));
  assert.notEqual(saltOf('nobody'), saltOf('somebody'));
  assert.equal(Buffer.from(saltOf('nobody'), 'base64').length, 16);
  assert.equal(scramFor(usersOf()).name, 'SCRAM-SHA-256');
  for (const name of ['nobody', 'no-scram']) {
    const exchange = method.start();
    const clientFirst = `n,,n=${name},r=clientnonce`;
    const last = await finalMessage(clientFirst, proceed(exchange, clientFirst).text, 'pencil');
    assert.deepEqual(proceed(exchange, last), { kind: 'fail', text: '86' });
  }
});

test('a user who is taken away between the messages does not get in', async () => {
  const users = usersOf(userOf('user', pencil));
  const exchange = scramFor(users).start();
  const clientFirst = 'n,,n=user,r=clientnonce';
  const last = await finalMessage(clientFirst, proceed(exchange, clientFirst).text, 'pencil');
  users.clear();
  assert.equal(proceed(exchange, last).kind, 'fail');
});

test('a credential keeps its text through parsing, and damaged ones are refused', async () => {
  assert.deepEqual(parseScramCredential(formatScramCredential(pencil)), pencil);
  const made = await makeScramCredential('pencil');
  assert.match(made, /^\$scram-sha-256\$i=4096\$/);
  assert.notEqual(made, await makeScramCredential('pencil'));
  for (const text of [
    '',
    '$scram-sha-256$',
    made.replace('4096', '1000'),
    made.replace('4096', '99999999'),
    `${made}$x`,
    made.slice(0, -6),
  ]) {
    assert.equal(typeof parseScramCredential(text), 'string', text);
  }
  await assert.rejects(makeScramCredential(''), { code: 'password-unusable' });
});

test('names are prepared as RFC 4013 section 3 shows', () => {
  assert.equal(prepareSaslText('I\u00adX'), 'IX');
  assert.equal(prepareSaslText('user'), 'user');
  assert.equal(prepareSaslText('USER'), 'USER');
  assert.equal(prepareSaslText('\u00aa'), 'a');
  assert.equal(prepareSaslText('\u2168'), 'IX');
  assert.equal(prepareSaslText('\u0007'), null);
  assert.equal(prepareSaslText('a\u00a0b'), 'a b');
  for (const text of ['', '\u00ad', '\ue000', '\ud800', '\ufffe', '\u202e', '\ufffd']) assert.equal(prepareSaslText(text), null);
});

function enhancedWith(methods: EnhancedMethod[], byListener = new Map<string, EnhancedMethod[]>()) {
  const clock = new FakeClock();
  const enhanced = new EnhancedAuthentication({ clock, log: silentLogger, damper: new FailureDamper(clock), timeoutMs: 5000 });
  enhanced.replace({ everywhere: methods, byListener });
  return { enhanced, clock };
}

function codeOf(step: EnhancedStep): number | string {
  return step.kind === 'fail' ? step.reasonCode : step.kind;
}

/** A method that answers as it is told. */
function methodOf(name: string, answer: () => MethodStep | Promise<MethodStep>): EnhancedMethod {
  return { name, start: () => ({ claimedUsername: 'user', proceed: answer }) };
}

const aliceWins = methodOf('M', () => ({ kind: 'success', data: null, grant: { username: 'alice' } }));

test('an unknown method is refused with 0x8c [MQTT-4.12.0-1]', async () => {
  const { enhanced } = enhancedWith([scramFor(usersOf())]);
  assert.equal(codeOf(await enhanced.start('PLAIN', identityOf()).proceed(null)), 0x8c);
  assert.equal(codeOf(await enhanced.start('scram-sha-256', identityOf()).proceed(null)), 0x8c);
});

test('a listener with a chain of its own has no method but its own (A23)', async () => {
  const { enhanced } = enhancedWith([aliceWins], new Map([['tcp.strict', []]]));
  assert.equal(codeOf(await enhanced.start('M', identityOf()).proceed(null)), 'success');
  assert.equal(codeOf(await enhanced.start('M', identityOf({ listener: 'tcp.strict' })).proceed(null)), 0x8c);
});

test('SCRAM runs through a conversation and ends in a principal', async () => {
  const { enhanced } = enhancedWith([scramFor(usersOf(userOf('user', pencil)))]);
  const conversation = enhanced.start('SCRAM-SHA-256', identityOf({ username: 'root' }));
  const clientFirst = 'n,,n=user,r=clientnonce';
  const first = await conversation.proceed(Buffer.from(clientFirst));
  assert.ok(first.kind === 'continue');
  const last = await conversation.proceed(Buffer.from(await finalMessage(clientFirst, Buffer.from(first.data).toString(), 'pencil')));
  assert.ok(last.kind === 'success');
  assert.equal(last.principal.username, 'user', 'what was proven, not what CONNECT said');
  assert.equal(last.principal.owner, 'user:user');
  assert.equal(codeOf(await conversation.proceed(null)), 0x82, 'the conversation is over');
});

test('re-authentication keeps the method and the user [MQTT-4.12.1-1] (A27)', async () => {
  const { enhanced } = enhancedWith([aliceWins, methodOf('N', () => assert.fail('not asked'))]);
  const again = (methodName: string, login: { method: string; username: string; clientId?: string }): Promise<EnhancedStep> => {
    const principal = principalOf(login.username, login.clientId === undefined ? {} : { clientId: login.clientId });
    return enhanced.startAgain(methodName, identityOf(), { method: login.method, principal }).proceed(null);
  };
  assert.equal(codeOf(await again('M', { method: 'M', username: 'alice' })), 'success');
  assert.equal(codeOf(await again('M', { method: 'M', username: 'bob' })), 0x87);
  assert.equal(codeOf(await again('M', { method: 'M', username: 'alice', clientId: 'other' })), 0x87);
  assert.equal(codeOf(await again('N', { method: 'M', username: 'alice' })), 0x82);
});

test('a method that throws, hangs or makes no sense refuses the client (A25)', async () => {
  const hang = Promise.withResolvers<MethodStep>();
  const answers: (() => MethodStep | Promise<MethodStep>)[] = [
    () => assert.fail('broken'),
    () => Promise.reject(new Error('down')),
    () => undefined as unknown as MethodStep,
    () => ({ kind: 'success', data: null }) as unknown as MethodStep,
    () => ({ kind: 'continue' }) as unknown as MethodStep,
    () => ({ kind: 'fail', reasonCode: 0, reason: '' }) as unknown as MethodStep,
    () => hang.promise,
  ];
  for (const answer of answers) {
    const { enhanced, clock } = enhancedWith([methodOf('M', answer)]);
    const step = enhanced.start('M', identityOf()).proceed(null);
    clock.advance(5000);
    assert.equal(codeOf(await step), 0x87);
  }
});

test('AUTH out of turn and endless exchanges end the conversation', async () => {
  const { enhanced } = enhancedWith([methodOf('M', () => ({ kind: 'continue', data: Buffer.alloc(1) }))]);
  const eager = enhanced.start('M', identityOf());
  const [one, two] = await Promise.all([eager.proceed(null), eager.proceed(null)]);
  assert.deepEqual([codeOf(one), codeOf(two)], ['continue', 0x82]);
  const endless = enhanced.start('M', identityOf());
  for (let count = 0; count < 16; count += 1) assert.equal(codeOf(await endless.proceed(null)), 'continue');
  assert.equal(codeOf(await endless.proceed(null)), 0x87);
});

test('guesses by SCRAM lock the name for that address (S2)', async () => {
  const { enhanced, clock } = enhancedWith([scramFor(usersOf(userOf('user', pencil)))]);
  const attempt = async (password: string): Promise<number | string> => {
    const conversation = enhanced.start('SCRAM-SHA-256', identityOf());
    const clientFirst = 'n,,n=user,r=clientnonce';
    const first = await conversation.proceed(Buffer.from(clientFirst));
    if (first.kind !== 'continue') return codeOf(first);
    return codeOf(await conversation.proceed(Buffer.from(await finalMessage(clientFirst, Buffer.from(first.data).toString(), password))));
  };
  for (let count = 0; count < 5; count += 1) assert.equal(await attempt('guess'), 0x86);
  assert.equal(await attempt('pencil'), 0x9f);
  clock.advance(30_000);
  assert.equal(await attempt('pencil'), 'success');
});
