import assert from 'node:assert/strict';
import { readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import { deleteUser, formatPasswordFile, parsePasswordFile, readPasswordFile, setUser } from './password-file.ts';

const hash = '$7$101$lpK0SETlOI4Cc8VH$uEPcvNWmoGDs/zX8ixKzv60VzVH+6/oxDhg+Qwj9ufW6xU8ROiLKENR6jFxblteseJgYdqfnvyhKoeZocHDsLA==';
const oldHash = '$6$4Dawia24/h0ZaNNP$vH1+BKFhSSdInzVo+3TWWedPy17iEZbjLNpUg5gy/mZKA4I87h1A5r5smN2EyEaNHAFg9A+gCKJ3AVLSZSoLdQ==';
const scram =
  '$scram-sha-256$i=4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';

test('lines of mosquitto, lines with SCRAM, comments and empty lines are read', () => {
  const { users, problems } = parsePasswordFile(`# people\nalice:${hash}\r\n\nbob:${oldHash}:${scram}\ncarol ö:${scram}\n`);
  assert.deepEqual(problems, []);
  assert.deepEqual([...users.keys()], ['alice', 'bob', 'carol ö']);
  assert.equal(users.get('alice')?.scram, null);
  assert.equal(users.get('bob')?.passwordHash?.scheme, 'sha512');
  assert.equal(users.get('bob')?.scram?.iterations, 4096);
  assert.equal(users.get('carol ö')?.passwordHash, null);
});

test('every damaged line is named, and none is half a user (CVE-2018-12551, A22)', () => {
  const lines = [
    `alice:${hash}`,
    'bob',
    'carol:',
    ':',
    `:${hash}`,
    `dave:secret`,
    `erin:${hash}:${scram}:more`,
    `frank:${hash}:${hash}`,
    `alice:${hash}`,
    ` space:${hash}`,
    `tab\tname:${hash}`,
    `grace:${hash.slice(0, -20)}!`,
    `heidi::${scram}`,
    `ivan:${hash}:`,
  ];
  const { problems } = parsePasswordFile(lines.join('\n'));
  assert.deepEqual([...new Set(problems.map(({ line }) => line))], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  for (const { message } of problems) assert.ok(!message.includes('secret') && !message.includes('uEPcvNWm'), 'no secret in a message');
});

test('what is written is what is read', () => {
  const text = formatPasswordFile([
    { name: 'alice', hash, scram: null },
    { name: 'bob', hash, scram },
    { name: 'carol', hash: null, scram },
  ]);
  const { users, problems } = parsePasswordFile(text);
  assert.deepEqual(problems, []);
  assert.deepEqual([...users.keys()], ['alice', 'bob', 'carol']);
});

test('a user is added, changed and deleted; other lines stay; the file is private and nothing else is left', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'passwords');
  assert.equal(await setUser(path, 'alice', { hash, scram: null }), true);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await writeFile(path, `# kept\n${await readFile(path, 'utf8')}\nbob:${oldHash}`);
  assert.equal(await setUser(path, 'alice', { hash: oldHash, scram }), false);
  assert.equal(await setUser(path, 'carol', { hash: null, scram }), true);
  assert.equal(await readFile(path, 'utf8'), `# kept\nalice:${oldHash}:${scram}\n\nbob:${oldHash}\ncarol:${scram}\n`);
  assert.equal(await deleteUser(path, 'bob'), true);
  assert.equal(await deleteUser(path, 'bob'), false);
  assert.equal(await deleteUser(path, '# kept'), false);
  assert.deepEqual([...((await readPasswordFile(path))?.users.keys() ?? [])], ['alice', 'carol']);
  assert.deepEqual(await readdir(directory.path), ['passwords']);
});

test('a link to the file stays a link', async () => {
  await using directory = await tempDirectory();
  const target = join(directory.path, 'real');
  const link = join(directory.path, 'link');
  await setUser(target, 'alice', { hash, scram: null });
  await symlink(target, link);
  await setUser(link, 'bob', { hash, scram: null });
  assert.deepEqual([...((await readPasswordFile(target))?.users.keys() ?? [])], ['alice', 'bob']);
});

test('a name, a hash or a file that would not be read again is not written', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'passwords');
  for (const name of ['', 'a:b', '#a', 'a\nb', ' a', '\ud800']) {
    await assert.rejects(setUser(path, name, { hash, scram: null }), { code: 'user-name-unusable' });
  }
  await assert.rejects(setUser(path, 'alice', { hash: 'secret', scram: null }), { code: 'credentials-unusable' });
  await assert.rejects(setUser(path, 'alice', { hash: null, scram: null }), { code: 'credentials-unusable' });
  assert.deepEqual(await readdir(directory.path), []);
  await writeFile(path, 'alice:broken\n');
  await assert.rejects(setUser(path, 'bob', { hash, scram: null }), { code: 'password-file-damaged' });
  assert.equal(await readFile(path, 'utf8'), 'alice:broken\n');
});

test('a missing file is none, an unreadable one is an error', async () => {
  await using directory = await tempDirectory();
  assert.equal(await readPasswordFile(join(directory.path, 'missing')), null);
  await assert.rejects(readPasswordFile(directory.path), { code: 'password-file-unreadable' });
  const path = join(directory.path, 'latin1');
  await writeFile(path, Buffer.from([0x61, 0xe4, 0x3a]));
  await assert.rejects(readPasswordFile(path), { code: 'password-file-unreadable' });
  await assert.rejects(deleteUser(join(directory.path, 'missing'), 'alice'), { code: 'password-file-unreadable' });
});

test('a file that everybody can read is reported', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'passwords');
  await writeFile(path, `alice:${hash}\n`, { mode: 0o644 });
  assert.equal((await readPasswordFile(path))?.isReadableByOthers, true);
  await setUser(path, 'bob', { hash, scram: null });
  assert.equal((await readPasswordFile(path))?.isReadableByOthers, false);
});
