import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Other people's packages keep their own files and licences; the broker is loaded by `wrenmq start` only, and has its own. */
const EXTERNAL = /^(?!@wrenmq\/(client|codec)(\/|$))(?![.#/])[@a-z]/;

/**
 * Puts what the commands of packages/wrenmq/dist load into few files: a command that lives for a tenth of a second spends most of it on finding
 * modules. Each command stays a file of its own that is loaded when it is called; nothing is renamed or shortened, so that stack traces read
 * as before. PERF: bench/command-line/start-up.ts
 */
export async function bundleCommandLine(folder: string): Promise<void> {
  const compiled = join(folder, 'dist');
  const bundle = await rolldown({
    // The others are entries of threads.
    input: {
      main: join(compiled, 'main.js'),
      sleeper: join(compiled, 'bench', 'sleeper.js'),
      'bench-worker': join(compiled, 'bench', 'bench-worker.js'),
    },
    platform: 'node',
    external: EXTERNAL,
    logLevel: 'warn',
  });
  const { output } = await bundle.write({ dir: compiled, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name].js' });
  await bundle.close();
  const written = new Set(output.map(({ fileName }) => fileName));
  for (const file of readdirSync(compiled)) if (!written.has(file)) rmSync(join(compiled, file), { recursive: true });
}
