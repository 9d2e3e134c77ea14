import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canCarryReasonCode, PacketType, ReasonCode } from '@wrenmq/codec';
import { runCommand } from '#test-command.ts';
import { findReasons } from './explain.ts';
import { REASONS } from './reason-codes.ts';
import { TEXTS_EN } from './texts-en.ts';
import { TEXTS_ZH } from './texts-zh.ts';

test('every reason code of MQTT 5 is there, with the packets that may carry it', () => {
  const packets = ['CONNACK', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'DISCONNECT', 'AUTH'] as const;
  for (const code of new Set(Object.values(ReasonCode)))
    for (const packet of packets) {
      const isListed = REASONS.some((reason) => reason.version === '5' && reason.code === code && reason.packets.includes(packet));
      assert.equal(isListed, canCarryReasonCode(PacketType[packet], code), `${packet} 0x${code.toString(16)}`);
    }
});

test('both return codes of MQTT 3.1.1 are there: CONNACK 0 to 5, SUBACK 0 to 2 and 0x80', () => {
  const codesOf = (packet: string) =>
    REASONS.filter(({ version, packets }) => version === '3.1.1' && packets.includes(packet)).map(({ code }) => code);
  assert.deepEqual(codesOf('CONNACK'), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(codesOf('SUBACK'), [0, 1, 2, 0x80]);
});

test('each has a meaning, a cause and a remedy, in English and in Chinese', () => {
  const keys = REASONS.map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  for (const texts of [TEXTS_EN, TEXTS_ZH]) {
    assert.deepEqual(Object.keys(texts).toSorted(), keys.toSorted());
    for (const [key, text] of Object.entries(texts)) for (const part of text) assert.ok(part.length > 2, key);
  }
  for (const [key, text] of Object.entries(TEXTS_ZH)) for (const part of text) assert.match(part, /\p{Script=Han}/u, key);
});

test('a code is found by its number, hexadecimal or decimal, and by its name in any spelling', () => {
  for (const words of ['0x87', '135', '87', 'not authorized', 'Not-Authorized', 'NotAuthorized', 'NOT_AUTHORIZED'])
    assert.ok(
      findReasons(words).some(({ code, version }) => code === 0x87 && version === '5'),
      words,
    );
  assert.deepEqual(
    findReasons('5').map(({ version, code }) => [version, code]),
    [['3.1.1', 5]],
  );
  assert.throws(() => findReasons('not autorized'), { exitCode: 2, message: /did you mean not authorized\?/ });
  assert.throws(() => findReasons('0xff'), { exitCode: 2 });
});

test('explain prints in the language of --lang, or of the environment', () => {
  assert.match(
    runCommand(['explain', '0x87']).stdout,
    /^0x87 \(135\) Not authorized, MQTT 5\n {2}\S.*\n {2}usually: .*\n {2}to do: .*\n {2}in: CONNACK, /,
  );
  assert.match(runCommand(['explain', '0x87', '--lang', 'zh']).stdout, /未授权/);
  assert.match(runCommand(['explain', '0x87'], { env: { LC_ALL: 'zh_CN.UTF-8' } }).stdout, /未授权/);
  assert.match(runCommand(['explain', '0x87'], { env: { LC_ALL: '', LANG: 'zh_CN.UTF-8' } }).stdout, /未授权/);
  assert.equal(runCommand(['explain', '0x87', '--lang', 'fr']).status, 2);
});

test('explain --json is a line for each meaning, --packet leaves the others out, and without a code it lists all', () => {
  const lines = runCommand(['explain', '0', '--json']).stdout.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { code: number }).code),
    [0, 0, 0, 0, 0],
  );
  assert.equal(runCommand(['explain', '0', '--json', '--packet', 'disconnect']).stdout.trim().split('\n').length, 1);
  assert.equal(runCommand(['explain']).stdout.trim().split('\n').length, REASONS.length);
});

const SECTIONS: readonly (readonly [word: string, first: string, count: number])[] = [
  ['mqtt:3.3.2', 'MQTT-3.3.2-1', 20],
  ['mqtt:3.3.2-7', 'MQTT-3.3.2-7', 1],
  ['mqtt:4.6', 'MQTT-4.6.0-1', 6],
  ['mqtt:MQTT-3.3.1-2', 'MQTT-3.3.1-2', 1],
  ['mqtt311:3.1.2-24', 'MQTT311-3.1.2-24', 1],
];

for (const [word, first, count] of SECTIONS)
  test(`explain ${word} tells what the standard demands there`, () => {
    const { status, stdout, stderr } = runCommand(['explain', word, '--json']);
    assert.equal(status, 0, stderr);
    const ids = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);
    assert.deepEqual([ids[0], ids.length], [first, count]);
  });

test('a section without statements is a usage error that names those with', () => {
  const { status, stderr } = runCommand(['explain', 'mqtt:9.9']);
  assert.equal(status, 2);
  assert.match(stderr, /^wrenmq: MQTT 5 has no normative statements in 9\.9; there are some in 1\.5, 2\.1, /);
});

test('explain config:KEY is config explain KEY', () => {
  const env = { XDG_CONFIG_HOME: '/nonexistent' };
  const { status, stdout } = runCommand(['explain', 'config:listeners.tcp.bind'], { env });
  assert.equal(status, 0);
  assert.equal(stdout, runCommand(['config', 'explain', 'listeners.tcp.bind'], { env }).stdout);
  assert.equal(runCommand(['explain', 'config:nope']).status, 2);
});
