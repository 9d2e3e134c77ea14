import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launchBroker, type LaunchedBroker } from '@wrenmq/testkit';
import { run } from '#root/test/interop/interop.ts';

// docs/client-rpc.md: its programs run, and print what stands behind each line.

const guide = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'client-rpc.md'), 'utf8');
const programs = [...guide.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, program]) => program);

let broker!: LaunchedBroker;
before(async () => {
  broker = await launchBroker();
});
after(() => broker.close());

test('the guide has programs', () => assert.equal(programs.length, 6));

for (const [index, program] of programs.entries()) {
  test(`program ${index + 1} of the guide prints what it says`, async () => {
    const { port } = broker.target();
    const here = program.replaceAll("'mqtt://localhost'", `'mqtt://127.0.0.1:${port}'`).replace('brokerPort: 1883', `brokerPort: ${port}`);
    const { stdout } = await run(process.execPath, ['--conditions=@wrenmq/source', '--input-type=module-typescript', '--eval', here]);
    const expected = [...program.matchAll(/console\.log\(.*\);\s*\/\/ (.*)$/gm)].map(([, text]) => text);
    assert.ok(expected.length > 0);
    assert.deepEqual(stdout.trimEnd().split('\n'), expected);
  });
}
