import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoyHash, formatPasswordHash, hashCost, hashPassword, parsePasswordHash, verifyPassword } from './password-hash.ts';

// Made by others: mosquitto_passwd 2.0 and 1.6, RFC 7914 section 12, the argon2 command line.
const known: [string, string, string][] = [
  [
    'mosquitto $7$ (PBKDF2)',
    'secret',
    '$7$101$lpK0SETlOI4Cc8VH$uEPcvNWmoGDs/zX8ixKzv60VzVH+6/oxDhg+Qwj9ufW6xU8ROiLKENR6jFxblteseJgYdqfnvyhKoeZocHDsLA==',
  ],
  [
    'mosquitto $6$ (salted SHA-512)',
    'pä ss',
    '$6$4Dawia24/h0ZaNNP$vH1+BKFhSSdInzVo+3TWWedPy17iEZbjLNpUg5gy/mZKA4I87h1A5r5smN2EyEaNHAFg9A+gCKJ3AVLSZSoLdQ==',
  ],
  [
    'scrypt of RFC 7914',
    'pleaseletmein',
    `$scrypt$ln=14,r=8,p=1$${Buffer.from('SodiumChloride').toString('base64')}$${Buffer.from(
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
      'hex',
    ).toString('base64')}`,
  ],
  [
    'argon2id of the reference implementation',
    'password',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ],
];

for (const [name, password, stored] of known) {
  test(`${name} made elsewhere is verified, and no other password is`, async () => {
    assert.equal(await verifyPassword(stored, Buffer.from(password)), true);
    assert.equal(await verifyPassword(stored, Buffer.from(`${password} `)), false);
    assert.equal(await verifyPassword(stored, Buffer.from(password.toUpperCase())), false, 'case counts (A39)');
    assert.equal(await verifyPassword(stored, Buffer.alloc(0)), false);
  });
}

test('a new hash verifies its password, differs each time, and keeps its text through parsing', async () => {
  const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
  assert.notEqual(one, two);
  assert.match(one, /^\$(argon2id|scrypt)\$/);
  assert.equal(await verifyPassword(one, Buffer.from('correct horse')), true);
  assert.equal(await verifyPassword(one, Buffer.from('Correct horse')), false);
  for (const stored of [one, ...known.map(([, , text]) => text)]) {
    const parsed = parsePasswordHash(stored);
    assert.ok(typeof parsed !== 'string', stored);
    assert.deepEqual(parsePasswordHash(formatPasswordHash(parsed)), parsed);
  }
});

test('a password of any bytes is a password', async () => {
  const bytes = Buffer.from([0, 255, 58, 10, 0]);
  const stored = await hashPassword(bytes);
  assert.equal(await verifyPassword(stored, bytes), true);
  assert.equal(await verifyPassword(stored, bytes.subarray(0, 4)), false);
});

test('a decoy has the cost of what it stands beside and no known password', async () => {
  const like = parsePasswordHash(known[0][2]);
  assert.ok(typeof like !== 'string');
  const decoy = createDecoyHash(like);
  assert.equal(hashCost(decoy), hashCost(like));
  assert.notDeepEqual(decoy.hash, like.hash);
  assert.equal(await verifyPassword(decoy, Buffer.from('secret')), false);
});

const salt = 'c29tZXNhbHQ';
const hash = 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
const damaged = [
  '',
  'secret',
  '$',
  '$$$$',
  '$1$abc$def',
  '$2b$10$abcdefghijklmnopqrstuv',
  `$argon2i$v=19$m=65536,t=2,p=1$${salt}$${hash}`,
  `$argon2id$v=16$m=65536,t=2,p=1$${salt}$${hash}`,
  `$argon2id$m=65536,t=2,p=1$${salt}$${hash}`,
  `$argon2id$v=19$m=99999999,t=2,p=1$${salt}$${hash}`,
  `$argon2id$v=19$m=65536,t=0,p=1$${salt}$${hash}`,
  `$argon2id$v=19$m=65536,t=2,p=1$${salt}$`,
  `$argon2id$v=19$m=65536,t=2,p=1$${salt}$${hash}$`,
  `$argon2id$v=19$m=65536,t=2,p=1$${salt}$*${hash}`,
  `$scrypt$ln=25,r=8,p=1$${salt}$${hash}`,
  `$scrypt$ln=14,r=8$${salt}$${hash}`,
  `$scrypt$ln=14,r=8,p=1$${salt}$AAAA`,
  `$7$0$${salt}$${hash}`,
  `$7$-1$${salt}$${hash}`,
  `$7$101$$${hash}`,
  `$7$999999999$${salt}$${hash}`,
  `$6$${salt}$${hash}`,
];

test('a damaged or excessive hash is refused with a reason that does not quote it', async () => {
  for (const text of damaged) {
    const problem = parsePasswordHash(text);
    assert.equal(typeof problem, 'string', `accepted: ${text}`);
    assert.ok(!(problem as string).includes(hash) && !(problem as string).includes(salt), 'no secret in the reason');
    await assert.rejects(verifyPassword(text, Buffer.from('x')), { code: 'password-hash-unusable' });
  }
});
