import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { runCommand } from '#test-command.ts';

function candidates(...words: string[]): string[] {
  const { stdout } = runCommand(['complete', '--', ...words], { env: { XDG_CONFIG_HOME: '/nonexistent' } });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0]);
}

test('commands, subcommands, flags and their values are completed', () => {
  assert.deepEqual(candidates('su'), ['sub']);
  assert.ok(['pub', 'sub', 'rr', 'start', 'explain'].every((name) => candidates('').includes(name)));
  assert.deepEqual(candidates('context', 'r'), ['remove']);
  assert.deepEqual(candidates('sub', '--retained'), ['--retained-only']);
  assert.deepEqual(candidates('sub', '-q', ''), ['0', '1', '2']);
  assert.ok(candidates('sub', '-D', '').includes('subscribe'));
  assert.ok(candidates('sub', '-D', 'connect', 'rec').includes('receive-maximum'));
  assert.deepEqual(candidates('pub', '-f', ''), [':files']);
  assert.deepEqual(candidates('completion', ''), ['bash', 'zsh', 'fish', 'powershell']);
  assert.deepEqual(candidates('sub', '--decode', ''), ['auto', 'json', 'hex', 'cbor', 'msgpack', 'sparkplug']);
  assert.ok(candidates('""').includes('sub'));
  assert.deepEqual(candidates('help', 'ex'), ['explain']);
  assert.ok(candidates('explain', '').includes('0x87'));
  assert.ok(!candidates('sub', '--').includes('--tls-engine'), 'what is hidden is not offered');
});

interface Shell {
  readonly name: string;
  /** Prints what `words` after the program's name are completed to, one candidate after the other. */
  readonly script: (program: string, words: readonly string[]) => string;
}

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');

const SHELLS: readonly Shell[] = [
  {
    name: 'bash',
    script: (program, words) =>
      `source <("${program}" completion bash); COMP_WORDS=("${program}" ${quoted(words)}); COMP_CWORD=${words.length}; _wrenmq; echo "\${COMPREPLY[*]}"`,
  },
  {
    name: 'zsh',
    // What zsh's own completion would do with the candidates; `words` and CURRENT are what it sets.
    script: (program, words) =>
      `compdef() {}; _files() { print -l -- $words[CURRENT]* }; _describe() { print -l -- \${(@)\${(P)2}%%:*} }
       source <("${program}" completion zsh); words=("${program}" ${quoted(words)}); CURRENT=${words.length + 1}
       _wrenmq | grep -- "^$words[CURRENT]"`,
  },
  {
    name: 'fish',
    script: (program, words) => `"${program}" completion fish | source; complete -C "wrenmq ${words.join(' ')}" | cut -f1`,
  },
  {
    name: 'pwsh',
    script: (program, words) =>
      `& '${program}' completion powershell | Out-String | Invoke-Expression; (TabExpansion2 'wrenmq ${words.join(' ')}').CompletionMatches.CompletionText`,
  },
];

for (const { name, script } of SHELLS) {
  const isThere = spawnSync(name, ['--version']).status === 0;
  test(`the script for ${name} completes as ${name} asks it to`, { skip: isThere ? false : `no ${name} here` }, async () => {
    await using directory = await tempDirectory();
    const [main, program] = [join(dirname(import.meta.dirname), 'main.ts'), join(directory.path, 'bin', 'wrenmq')];
    await mkdir(join(directory.path, 'bin'));
    await mkdir(join(directory.path, 'files'));
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' --conditions=@wrenmq/source '${main}' "$@"\n`);
    await chmod(program, 0o755);
    await writeFile(join(directory.path, 'files', 'payload'), '');
    const complete = (...words: string[]): string[] => {
      const env = { ...process.env, PATH: `${dirname(program)}:${process.env['PATH']}`, HOME: directory.path };
      const options = { encoding: 'utf8', cwd: join(directory.path, 'files'), env } as const;
      const { stdout, stderr } = spawnSync(name, ['-c', script(program, words)], options);
      assert.equal(stderr, '');
      return stdout.trim().split(/\s+/);
    };
    assert.deepEqual(complete('exp'), ['explain']);
    assert.deepEqual(complete('sub', '--rem'), ['--remove-retained']);
    assert.deepEqual(complete('pub', '-f', 'pay'), ['payload']);
    assert.deepEqual(complete('sub', '--retain-handling', ''), ['0', '1', '2']);
  });
}

test('a shell that there is no script for is a usage error', () => assert.equal(runCommand(['completion', 'tcsh']).status, 2));
