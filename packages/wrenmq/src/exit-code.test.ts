import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from '@wrenmq/testkit';
import { ExitCode } from './exit-code.ts';

test('every exit code is in the table of docs/command-line.md, and no other', async () => {
  const text = await readFile(join(repository, 'docs', 'command-line.md'), 'utf8');
  const table = text.slice(text.indexOf('## Exit codes'), text.indexOf('## Explain'));
  const documented = [...table.matchAll(/^\| (\d+) +\|/gm)].map((match) => Number(match[1]));
  assert.deepEqual(documented, Object.values(ExitCode));
});
