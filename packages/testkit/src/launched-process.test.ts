import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LaunchedProcess } from './launched-process.ts';

const script = (program: string): { command: string; args: string[] } => ({ command: process.execPath, args: ['--eval', program] });

test('a program that is ready is handed out and can be killed', async () => {
  const launched = await LaunchedProcess.launch({
    ...script('console.log("ready"); setInterval(() => {}, 1000)'),
    isReady: (line) => line === 'ready',
  });
  assert.ok(launched.pid > 0);
  assert.deepEqual(await launched.kill('SIGKILL'), { code: null, signal: 'SIGKILL' });
  assert.equal(launched.hasEnded, true);
});

test('a program that ends instead of becoming ready is shown with its output', async () => {
  const launching = LaunchedProcess.launch({ ...script('console.error("no such thing"); process.exit(2)'), isReady: () => false });
  await assert.rejects(launching, /ended with 2:\nno such thing/);
});
