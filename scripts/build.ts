/** `npm run build`: compiles what is published, in the order of its dependencies, to packages/<name>/dist. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleCommandLine } from './bundle-command-line.ts';

const root = join(import.meta.dirname, '..');
const PUBLISHED = ['codec', 'client', 'broker', 'wrenmq'];

for (const name of PUBLISHED) {
  const folder = join(root, 'packages', name);
  // A file whose source is gone must not be published.
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(folder, 'tsconfig.build.json')], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`build: ${name} does not compile`);
    process.exit(1);
  }
  if (name === 'wrenmq') await bundleCommandLine(folder);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'dist', 'LICENSE'));
}
