import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { findMachineNode } from '@wrenmq/testkit/machine-node.ts';

const launcher = join(import.meta.dirname, 'run.mjs');
const machineNode = findMachineNode((major) => major >= 18 && major < 22);
const skip = machineNode === null ? 'no Node.js 18 to 21 on this machine' : false;
/** Both ways to run: replaced by the pinned runtime, and as its parent where Node.js cannot be replaced. */
const launchers = [
  { name: 'the pinned Node.js', node: process.execPath, skip: false },
  { name: "the machine's older Node.js", node: machineNode ?? '', skip },
];

for (const { name, node, skip: skipped } of launchers) {
  test(`under ${name} the entry runs on the pinned runtime with the source condition and its arguments`, { skip: skipped }, () => {
    const code = 'console.log(JSON.stringify([process.version, process.execArgv[0], process.argv.slice(1)]))';
    const { stdout, status } = spawnSync(node, [launcher, '-e', code, '--', '--config', 'x y'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), [process.version, '--conditions=@wrenmq/source', ['--config', 'x y']]);
  });

  test(`under ${name} the exit code of the entry is the exit code of the launcher`, { skip: skipped }, () => {
    assert.equal(spawnSync(node, [launcher, '-e', 'process.exit(70)']).status, 70);
  });

  test(`under ${name} standard input reaches the entry`, { skip: skipped }, () => {
    const code = 'process.stdin.pipe(process.stdout)';
    assert.equal(spawnSync(node, [launcher, '-e', code], { input: 'secret\n', encoding: 'utf8' }).stdout, 'secret\n');
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`under ${name} ${signal} reaches the entry once`, { skip: skipped }, async () => {
      const code = `let n = 0; process.on('${signal}', () => { n += 1; setImmediate(() => process.exit(40 + n)); }); setInterval(() => {}, 1e6); console.log('ready')`;
      const child = spawn(node, [launcher, '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [41, null]);
    });
  }
}
