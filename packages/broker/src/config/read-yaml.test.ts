import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { valueOf } from './config-node.ts';
import { readYaml, readYamlFile } from './read-yaml.ts';

const value = (text: string): unknown => JSON.parse(JSON.stringify(valueOf(readYaml(text, 'f.yaml')))) as unknown;

test('YAML 1.2 is read: no and on are texts, JSON is a subset, an empty file is an empty map', () => {
  assert.deepEqual(value('a: no\nb: on\nc: 010\nd: [1, 2.5]\ne:\n'), { a: 'no', b: 'on', c: 10, d: [1, 2.5], e: null });
  assert.deepEqual(value('{"a": {"b": true}}'), { a: { b: true } });
  for (const text of ['', '# only a comment\n', '---\n', 'null']) assert.deepEqual(value(text), {});
});

test('anchors may be used again', () => {
  assert.deepEqual(value('a: &x {b: 1}\nc: *x'), { a: { b: 1 }, c: { b: 1 } });
});

test('every syntax error has its line and column', () => {
  const cases: [string, RegExp, number, number][] = [
    ['a: 1\nb: 2\na: 3', /unique/, 3, 1],
    ['a: {b: 1, b: 2}', /unique/, 1, 11],
    ['a: [1, 2', /./, 1, 9],
    ['a: *nowhere', /nowhere/, 1, 4],
    ['- a\n- b', /must be a map/, 1, 1],
    ['just text', /must be a map/, 1, 1],
    ['? [a]\n: 1', /key that is no text/, 1, 3],
    ['a: 1\n---\nb: 2', /second document/, 2, 1],
    ['a: !!secret x', /tag/, 1, 4],
  ];
  for (const [text, message, line, column] of cases) {
    const [problem] = problemsOf(() => readYaml(text, 'f.yaml'));
    assert.match(problem.message, message, text);
    assert.deepEqual([problem.file, problem.line, problem.column], ['f.yaml', line, column], text);
  }
});

test('YAML 1.1, in which no is false, is refused', () => {
  assert.match(problemsOf(() => readYaml('%YAML 1.1\n---\na: no', 'f.yaml'))[0].message, /YAML 1\.2/);
});

test('nesting without end, aliases that multiply and aliases to themselves are refused', () => {
  const bomb = [
    'a0: &a0 [x,x,x,x,x,x,x,x,x,x]',
    ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(',')}]`),
  ];
  for (const text of [
    bomb.join('\n'),
    'a: &a {b: *a}',
    `a: ${'['.repeat(100)}${']'.repeat(100)}`,
    '['.repeat(100_000),
    'a: '.repeat(50_000),
  ]) {
    assert.ok(problemsOf(() => readYaml(text, 'f.yaml')).length > 0, text.slice(0, 20));
  }
});

test('a file that cannot be read is one problem in plain words', (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'wrenmq-config-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const binary = path.join(directory, 'binary');
  writeFileSync(binary, Buffer.from([0x61, 0xff, 0xfe]));
  const large = path.join(directory, 'large');
  writeFileSync(large, Buffer.alloc(5 * 1024 * 1024, '#'));
  const cases: [string, RegExp][] = [
    [path.join(directory, 'none'), /does not exist/],
    [directory, /is a directory/],
    [binary, /is not UTF-8/],
    [large, /is larger than/],
  ];
  for (const [file, message] of cases) {
    const problems = problemsOf(() => readYamlFile(file));
    assert.deepEqual([problems.length, problems[0].file], [1, file]);
    assert.match(problems[0].message, message);
  }
});

function problemsOf(read: () => unknown): readonly ConfigProblem[] {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return assert.fail('it was accepted');
}
