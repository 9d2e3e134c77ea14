import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLockFile, checkReadmes, checkTranslation } from './check-documents.ts';
import { checkImports } from './check-imports.ts';
import { checkNames } from './check-names.ts';
import { checkShape } from './check-shape.ts';
import { checkWords } from './check-words.ts';
import type { Problem, SourceFile } from './source-file.ts';

const at = (path: string, text: string): SourceFile => ({ path, text });
const room = (path: string, text: string): SourceFile => at(`packages/broker/src/${path}`, text);

/** Exactly these lines are reported. */
function assertLines(problems: readonly Problem[], lines: readonly number[]): void {
  assert.deepEqual(
    problems.map((problem) => Number(/:(\d+) /.exec(problem)?.[1])),
    lines,
    problems.join('\n'),
  );
}

test('an import up the table of rooms is reported, in every form, and one down it is not', () => {
  const text = [
    "import type { Message } from '#message/message.ts';",
    "import { port } from '#port/client-port.ts';",
    "export * from '#connection/connection.ts';",
    "export const load = () => import('#api/server.ts');",
    "import { assert } from '#base/errors.ts';",
  ].join('\n');
  assertLines(checkImports(room('session/session.ts', text)), [2, 3, 4]);
});

test('a test, and a file beside the rooms, may import everything', () => {
  const text = "import { port } from '#port/client-port.ts';\nimport { WireClient } from '@wrenmq/testkit';";
  assertLines(checkImports(room('session/session.test.ts', text)), []);
  assertLines(checkImports(room('broker.ts', text)), []);
});

test('features and gateways are closed to each other and see one door of the kernel', () => {
  const text = "import '#features/other/index.ts';\nimport '#hooks/feature.ts';\nimport '#hooks/order.ts';\nimport './rewrite.ts';";
  assertLines(checkImports(room('features/rewrite/index.ts', text)), [1, 3]);
  assertLines(checkImports(room('features/index.ts', "import './rewrite/index.ts';")), []);
});

test('packages are allowed room by room, and the codec depends on nothing', () => {
  assertLines(checkImports(room('topic/topic-name.ts', "import 'node:assert';\nimport 'zod';\nimport '@wrenmq/codec';")), [2, 3]);
  assertLines(checkImports(at('packages/codec/src/packet.ts', "import './utf8.ts';\nimport 'node:buffer';")), [2]);
});

test('a climbing import, a missing ending, a bare builtin and a detour to the same folder are reported', () => {
  const text = "import '../base/clock.ts';\nimport './inflight';\nimport 'fs';\nimport '#session/inflight.ts';\nimport './inflight.ts';";
  assertLines(checkImports(room('session/session.ts', text)), [1, 2, 3, 4]);
});

test('files, functions and parameter lists that are too long are reported', () => {
  const long = `function long() {\n${'  step();\n'.repeat(69)}}`;
  assertLines(checkShape(at('a.ts', long)), [1]);
  assertLines(checkShape(at('a.ts', long.replace('  step();\n', ''))), []);
  assertLines(checkShape(at('a.ts', 'const f = (a, b, c, d, e) => a;\nclass A {\n  m(this: A, a, b, c, d) {}\n}')), [1]);
  assertLines(checkShape(at('a.ts', '\n'.repeat(451))), [451]);
  assertLines(checkShape(at('a.test.ts', '\n'.repeat(900))), []);
});

test('module-level state, enums and the type that is none are reported', () => {
  const text = [
    'let count = 0;',
    'export let other = 1;',
    'const cache = new Map<string, number>();',
    'const table = new Map<string, number>();',
    'for (const name of names) table.set(name, 1);',
    'export function remember(name: string) {',
    '  let local = 1;',
    '  cache.set(name, local);',
    '}',
    'enum Colour {}',
    `function loose(value: any) {}`,
  ].join('\n');
  assertLines(
    checkShape(at('a.ts', text)).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    [1, 2, 8, 10, 11],
  );
});

test('empty names are reported', () => {
  assert.equal(checkNames(at('src/string-utils.ts', '')).length, 1);
  assert.equal(checkNames(at('src/types.ts', '')).length, 1);
  assert.equal(checkNames(at('src/clientPort.ts', '')).length, 1);
  assert.equal(checkNames(at('src/packet-type.test.ts', '')).length, 0);
  assertLines(checkNames(at('src/a.ts', 'class SessionManager {}\ninterface PeerInfo {}\nclass Session {}')), [1, 2]);
});

test('words without a place are reported in every kind of file, types only in code', () => {
  // In pieces, so that this file does not hold them.
  const [unfinished, path, ignore] = [
    ['TO', 'DO'],
    ['/wo', 'rk/main/x'],
    ['@ts-', 'ignore'],
  ].map((pieces) => pieces.join(''));
  assertLines(checkWords(at('docs/a.md', `ok\n// ${unfinished} later\nsee ${path}`)), [2, 3]);
  assertLines(checkWords(at('a.ts', `// ${ignore}`)), [1]);
  assertLines(checkWords(at('docs/a.md', `${ignore} and src${path}`)), []);
});

test('a room without a page is reported', () => {
  const files = [
    at('packages/codec/README.md', ''),
    at('packages/codec/src/a.ts', ''),
    room('topic/trie.ts', ''),
    room('topic/README.md', ''),
  ];
  assert.deepEqual(checkReadmes(files), ['packages/broker/README.md:1 is missing']);
});

test('front pages that differ in headings or code are reported', () => {
  const english = at('README.md', '# A\n\n```sh\n# not a heading\nnpm start\n```\n');
  assert.deepEqual(checkTranslation([english, at('README.zh-CN.md', english.text.replace('A', '甲'))]), []);
  assert.equal(checkTranslation([english, at('README.zh-CN.md', '# 甲\n\n## 乙\n\n```sh\nnpm run start\n```\n')]).length, 2);
  assert.equal(checkTranslation([english]).length, 1);
});

test('a download address in the lock file is reported', () => {
  const lock = '{\n"resolved": "packages/codec",\n"resolved": "https://example.org/a.tgz"\n}';
  assertLines(checkLockFile([at('package-lock.json', lock)]), [3]);
});
