/**
 * The launcher of the clone: `node scripts/run.mjs [node options] entry.ts [arguments]`.
 * Installs what is missing, then runs the entry on the pinned runtime. Plain JavaScript for Node 18 and later, no
 * dependencies: it is the one file that must work before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');
const pinned = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const oldestMajor = 24;

/** True when node_modules holds what package-lock.json asks for, by npm's own record of what it installed. */
function isInstalled() {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (installed === null || wanted === null) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    const found = installed[path];
    // The root has no record, and packages for other platforms are left out.
    if (found === undefined) return path === '' || entry.optional === true || entry.peer === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

/**
 * Runs npm when node_modules is absent or differs from the lock file. Not `npm ci`: that refuses a lock file without the
 * packages for every other platform, and it would empty node_modules under a broker that runs from it.
 */
function installMissing() {
  if (isInstalled()) return;
  process.stderr.write('wrenmq: installing dependencies, once; this takes about a minute\n');
  // Under `npm start` this is the npm that runs us; its script is started by our own Node.
  const npmScript = process.env.npm_execpath;
  const isScript = npmScript !== undefined && /npm-cli\.c?js$/.test(npmScript);
  const [command, before] = isScript ? [process.execPath, [npmScript]] : ['npm', []];
  const result = spawnSync(command, [...before, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // What npm says is progress: standard output belongs to the entry.
    stdio: ['ignore', 2, 2],
    shell: !isScript && process.platform === 'win32',
    env: withoutNpmSettings(),
  });
  if (result.status !== 0) fail('npm install failed; mend what it says above and try again');
}

/** npm hands its own options to its scripts (`--silent`, `--workspace`); the installation must not inherit them. */
function withoutNpmSettings() {
  const inherited = /^npm_config_(workspace|workspaces|global|prefix|omit|include|production|only|ignore_scripts|dry_run)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.test(name)));
}

/** The runtime to use: the pinned one, or our own when it is new enough and the pinned one could not be installed. */
function findRuntime() {
  if (existsSync(pinned)) return pinned;
  if (Number.parseInt(process.versions.node, 10) >= oldestMajor) return process.execPath;
  return fail(
    `the pinned Node.js is not in node_modules (are install scripts off?) and this one is ${process.version}: run \`npm rebuild node\``,
  );
}

/**
 * Where programs keep what was compiled and stripped of its types. It is where main.ts keeps it, too, but that must be stripped before it can
 * say so, and what strips takes 50 ms and 16 MB. PERF: bench/micro/restart.ts
 */
function compileCache() {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'wrenmq');
}

/** Installs what is missing and becomes, or runs, the pinned Node.js with these arguments. Does not return to its caller. */
export function runPinned(nodeArguments) {
  installMissing();
  const runtime = findRuntime();
  const args = ['--conditions=@wrenmq/source', ...nodeArguments];
  const env = { NODE_COMPILE_CACHE: compileCache(), ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` };
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    // Our process becomes the entry: signals, exit code and process id need no forwarding.
    process.removeAllListeners('warning');
    process.execve(runtime, [runtime, ...args], env);
  }
  const child = spawn(runtime, args, { stdio: 'inherit', env });
  forwardSignals(child);
  child.on('error', (error) => fail(error.message));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function forwardSignals(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    let forwardedAt = -Infinity;
    process.on(signal, () => {
      // A terminal sends its signals to the whole process group: the child has this one already.
      if (process.stdin.isTTY && signal !== 'SIGTERM') return;
      // npm forwards what the process group got as well: one request, not two.
      if (performance.now() - forwardedAt < 500) return;
      forwardedAt = performance.now();
      child.kill(signal);
    });
  }
}

function fail(message) {
  process.stderr.write(`wrenmq: ${message}\n`);
  process.exit(1);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  runPinned(process.argv.slice(2));
}
