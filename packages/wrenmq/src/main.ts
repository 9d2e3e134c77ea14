/** The entry of the command line; everything else is loaded by the command that needs it. */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

const args = process.argv.slice(2);

// What was compiled, and in the clone stripped of its types, is kept for the next time. Not where Node would put it: nobody else must
// be able to write there, since it is run. PERF: bench/command-line/start-up.ts, bench/micro/restart.ts
enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'wrenmq'));

if (args[0] === 'start') {
  // The broker allocates little for each message, so V8's young generation can stay at its first size. Growing it while clients connect
  // costs 2 KB of memory for each of 15,000 that is never given back, and no throughput is gained. PERF: npm run bench -- --scenario idle
  setFlagsFromString('--semi-space-growth-factor=1');
  // A PUBLISH goes through many small functions; V8 inlines fewer of them than it could. PERF: npm run bench -- --rows pair
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
}

const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(args);
