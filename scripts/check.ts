/** `npm run check`: every static check; all of them run, so that one failure does not hide the next. */
import { spawnSync } from 'node:child_process';

const CHECKS: Readonly<Record<string, readonly string[]>> = {
  types: ['node_modules/typescript/bin/tsc', '-p', '.', '--noEmit'],
  lint: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--report-unused-disable-directives'],
  format: ['node_modules/oxfmt/bin/oxfmt', '--check'],
  // Its tsconfig tells it which source a compiled file comes from, also when there are compiled files.
  knip: ['node_modules/knip/bin/knip.js', '--no-progress', '--tsConfig', 'tsconfig.build.json'],
  tidy: ['--test', '--test-reporter=spec', 'tidy.test.ts'],
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in CHECKS));
if (unknown.length > 0) {
  console.error(`check: no check is called ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}`);
  process.exit(2);
}

const chosen = asked.length === 0 ? Object.keys(CHECKS) : asked;
const failed = chosen.filter((name) => {
  console.log(`── ${name}`);
  return spawnSync(process.execPath, [...process.execArgv, ...CHECKS[name]], { stdio: 'inherit' }).status !== 0;
});
console.log(failed.length === 0 ? 'check: all green' : `check: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
