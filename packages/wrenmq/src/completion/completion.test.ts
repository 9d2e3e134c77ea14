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
  assert.deepEqual(candidates('completion', ''), ['bash', 'zsh', 'fish']);
  assert.deepEqual(candidates('help', 'ex'), ['explain']);
  assert.ok(candidates('explain', '').includes('0x87'));
  assert.ok(!candidates('sub', '--').includes('--tls-engine'), 'what is hidden is not offered');
});

test('the script for bash completes as bash asks it to', async () => {
  await using directory = await tempDirectory();
  const [main, program] = [join(dirname(import.meta.dirname), 'main.ts'), join(directory.path, 'wrenmq')];
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' --conditions=@wrenmq/source '${main}' "$@"\n`);
  await chmod(program, 0o755);
  await mkdir(join(directory.path, 'files'));
  await writeFile(join(directory.path, 'files', 'payload'), '');
  const complete = (...words: string[]): string => {
    const list = words.map((word) => `'${word}'`).join(' ');
    const script = `source <("${program}" completion bash); COMP_WORDS=("${program}" ${list}); COMP_CWORD=${words.length}; _wrenmq; echo "\${COMPREPLY[*]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: join(directory.path, 'files') });
    assert.equal(stderr, '');
    return stdout.trim();
  };
  assert.equal(complete('exp'), 'explain');
  assert.equal(complete('sub', '--rem'), '--remove-retained');
  assert.equal(complete('pub', '-f', 'pay'), 'payload');
});

for (const shell of ['zsh', 'fish']) {
  const isThere = spawnSync(shell, ['--version']).status === 0;
  test(`the script for ${shell} is valid`, { skip: isThere ? false : `no ${shell} here` }, () => {
    const { stdout } = runCommand(['completion', shell]);
    const { status, stderr } = spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
}

test('a shell that there is no script for is a usage error', () => assert.equal(runCommand(['completion', 'tcsh']).status, 2));
