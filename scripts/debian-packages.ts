import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs the Debian packages in debian-packages.txt that are missing, where that needs no question: apt-get, and root or
 * sudo without a password. Elsewhere it says what is missing; tests that need it skip themselves with a reason.
 */
export function installDebianPackages(): void {
  const missing = listMissing(readPackageNames());
  if (missing.length === 0) return;
  const become = findPrivilege();
  if (!existsSync('/usr/bin/apt-get') || become === null) {
    console.error(`wrenmq: not installed here: ${missing.join(', ')}; tests that need one of them are skipped`);
    return;
  }
  console.error(`wrenmq: installing Debian packages for the tests: ${missing.join(', ')}`);
  const install = ['install', '-y', '--no-install-recommends', ...missing];
  if (!run([...become, 'apt-get', 'update', '-qq'])) console.error('wrenmq: apt-get update failed; trying with the lists as they are');
  if (!run([...become, 'env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq', ...install])) {
    console.error('wrenmq: apt-get install failed; tests that need those packages are skipped');
  }
  if (missing.includes('mosquitto')) stopMosquittoService(become);
}

function readPackageNames(): string[] {
  const text = readFileSync(join(import.meta.dirname, 'debian-packages.txt'), 'utf8');
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((name) => name !== '');
}

function listMissing(names: readonly string[]): string[] {
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], { encoding: 'utf8' });
  const installed = new Set(
    (query.stdout ?? '')
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** The words to put before a command that needs root; null when there are none. */
function findPrivilege(): string[] | null {
  if (process.getuid?.() === 0) return [];
  return run(['sudo', '-n', 'true']) ? ['sudo', '-n'] : null;
}

/** The package starts its service where it can; the tests start brokers of their own and want no other. */
function stopMosquittoService(become: readonly string[]): void {
  if (existsSync('/run/systemd/system')) run([...become, 'systemctl', 'disable', '--now', '--quiet', 'mosquitto']);
  else run([...become, 'service', 'mosquitto', 'stop']);
}

/** Output goes to standard error: standard output belongs to the test runner. */
function run(command: readonly string[]): boolean {
  return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2] }).status === 0;
}
