/** What the documentation shows runs as it stands: blocks of the guides as programs, examples of docstrings with what they take for granted. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { launchBroker, type LaunchedBroker, repository } from '@wrenmq/testkit';
import { listExamples } from './list-examples.ts';

const run = promisify(execFile);
const PROGRAM_TIMEOUT_MS = 20_000;
/** Any broker that an example names. */
const BROKER_URL = /\b(?:mqtts?|wss?):\/\/(?:localhost|broker\.example)(?::\d+)?(?:\/mqtt)?/g;

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');
/** What an example of a docstring takes for granted. Its own declarations come in a block inside. */
const PRELUDE = read('example-prelude.ts');
const PRELUDE_MQTTXX = read('example-prelude-mqttxx.ts');

const manifest = JSON.parse(readFileSync(join(repository, 'packages/client/package.json'), 'utf8')) as { exports: object };
const ENTRIES = Object.keys(manifest.exports).map((path) => `@wrenmq/client${path.slice(1)}`);

describe('examples', () => {
  let broker: LaunchedBroker;
  let directory: string;

  before(async () => {
    broker = await launchBroker();
    // Inside the repository, so that the packages are found.
    directory = await mkdtemp(join(import.meta.dirname, 'examples-'));
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    await broker.kill('SIGKILL');
  });

  it('show every function, class and codec that the package exports, and every method of a client', async () => {
    const shown = examples
      .filter(({ isProgram }) => !isProgram)
      .map(({ code }) => code)
      .join('\n');
    const missing: string[] = [];
    for (const entry of ENTRIES) {
      const names = Object.keys((await import(entry)) as object);
      assert.ok(names.length > 0, entry);
      missing.push(...names.filter((name) => !new RegExp(`\\b${name}\\b`).test(shown)).map((name) => `${entry}: ${name}`));
    }
    const methods = ['publish', 'enqueue', 'subscribe', 'handle', 'request', 'requestMany', 'on', 'online', 'drain', 'close'];
    missing.push(...methods.filter((name) => !new RegExp(`client\\s*\\.${name}\\(`).test(shown)));
    assert.deepEqual(missing, []);
  });

  const examples = listExamples();
  it('are there', () => assert.ok(examples.length > 20, `${examples.length} examples`));

  for (const { name, code, isProgram } of examples) {
    it(name, async () => {
      const prelude = name.includes('/mqttxx/') ? PRELUDE_MQTTXX : PRELUDE;
      const program = isProgram ? code : prelude.replace('/* the example */', () => code);
      const file = join(directory, `${name.replaceAll(/[^\w]+/g, '-')}.ts`);
      await writeFile(file, atBroker(program, broker.target().port));
      await run(process.execPath, ['--conditions=@wrenmq/source', file], { cwd: repository, timeout: PROGRAM_TIMEOUT_MS });
    });
  }
});

/** The program with our broker in place of whichever it names. */
function atBroker(program: string, port: number): string {
  return program
    .replaceAll(BROKER_URL, `mqtt://127.0.0.1:${port}`)
    .replaceAll("brokerHost: 'localhost'", `brokerHost: '127.0.0.1', brokerPort: ${port}`);
}
