/** `npm test [-- file or glob ...] [-- --node-test-option ...]`: every test, or those that are named. */
import { spawn } from 'node:child_process';
import { installDebianPackages } from './debian-packages.ts';

const EVERY_TEST = [
  'tidy.test.ts',
  'packages/*/src/**/*.test.ts',
  'packages/*/bin/**/*.test.ts',
  'scripts/**/*.test.ts',
  'test/**/*.test.ts',
];

/** One test; those that are known to take longer carry their own `timeout`. */
const TEST_TIMEOUT_MS = 60_000;
/** The whole run: the CI's limit less the time for installing and the static checks. */
const RUN_TIMEOUT_MS = 17 * 60_000;

const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith('--'));
const named = given.filter((argument) => !argument.startsWith('--'));

installDebianPackages();
const runner = spawn(
  process.execPath,
  [
    ...process.execArgv,
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    '--test-reporter=spec',
    ...options,
    ...(named.length === 0 ? EVERY_TEST : named),
  ],
  { stdio: 'inherit' },
);
// A file that never ends would hang the run. Interrupted, the runner names what it waits for and fails.
const watchdog = setTimeout(() => runner.kill('SIGINT'), RUN_TIMEOUT_MS);
process.on('SIGINT', () => {});
process.on('SIGTERM', () => runner.kill('SIGINT'));
runner.on('exit', (code) => {
  clearTimeout(watchdog);
  process.exitCode = code ?? 1;
});
