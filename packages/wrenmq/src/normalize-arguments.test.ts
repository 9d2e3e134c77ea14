import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { createProgram } from './command-line.ts';
import { findCommand, normalizeArguments } from './normalize-arguments.ts';

const program = await createProgram();

function normalized(...args: string[]): string[] {
  const { command, depth } = findCommand(program, args);
  return normalizeArguments(command, args.slice(depth));
}

const CASES: readonly (readonly [args: string, expected: readonly string[]])[] = [
  ['pub -t a -m -5', ['-t', 'a', '-m', '-5']],
  ['pub -D publish content-type x -r', ['--property', 'publish\0content-type\0x', '-r']],
  ['pub -D publish user-property a b -r', ['--property', 'publish\0user-property\0a\0b', '-r']],
  ['pub -D publish user-property -t -r -q 1', ['--property', 'publish\0user-property\0-t\0-r', '-q', '1']],
  ['pub -P -secret -r', ['--pw=-secret', '-r']],
  ['pub -P -r', ['-P', '-r']],
  ['pub -P', ['-P']],
  ['pub --hostname h --no-clean', ['--host', 'h', '--disable-clean-session']],
  ['pub -q1 -rd', ['-q1', '-rd']],
  ['pub --hostname=h --output=json', ['--host', 'h', '--json']],
  ['sub --output ndjson -t --output=raw', ['--json', '-t', '--output=raw']],
  ['sub --output raw --output text', ['--no-eol']],
  ['sub --sub-id 7', ['--property', 'subscribe\0subscription-identifier\x007']],
  ['pub --payload-format utf8 -r', ['--property', 'publish\0payload-format-indicator\x001', '-r']],
  ['pub --will-property k=v=w', ['--property', 'will\0user-property\0k\0v=w']],
  ['pub --user-properties k=v', ['--user-property', 'k=v']],
  ['pub -- -up', ['--', '-up']],
  ['context add x -P -y', ['x', '--pw=-y']],
  ['start --config wrenmq.yaml', ['--config', 'wrenmq.yaml']],
];

for (const [args, expected] of CASES)
  test(`${args} becomes ${JSON.stringify(expected)}`, () => assert.deepEqual(normalized(...args.split(' ')), expected));

test('a file holds one flag a line, which come before the others', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'flags');
  await writeFile(file, '# a comment\n-h somewhere\n\n-m a message with spaces\r\n-r\n-D publish user-property a b c\n--hostname h\n');
  const expected = [
    '-h',
    'somewhere',
    '-m',
    'a message with spaces',
    '-r',
    '--property',
    'publish user-property a b c',
    '--host',
    'h',
    '-q',
    '1',
  ];
  assert.deepEqual(normalized('pub', '-o', file, '-q', '1'), expected);
  assert.throws(() => normalized('pub', '-o', join(directory.path, 'none')), { exitCode: 2 });
});

const STRANGE: readonly (readonly [flag: string, instead: RegExp])[] = [
  ['-up', /-D publish user-property/],
  ['-Wt', /--will-topic/],
  ['-nl', /--no-local/],
  ['-topic', /use --topic/],
  ['-qos', /use --qos/],
  ['--protocol', /use -L with mqtt:/],
  ['--output', /--output x: there are text, json, ndjson, raw/],
  ['--will-property', /must be followed by name=value/],
];

for (const [flag, instead] of STRANGE)
  test(`${flag} is refused with what does the same`, () =>
    assert.throws(() => normalized('sub', flag, 'x'), { exitCode: 2, message: instead }));
