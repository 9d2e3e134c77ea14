/** The entry of the command line; everything else is loaded by the command that needs it. */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

const args = process.argv.slice(2);

if (args[0] === 'start') {
  // The broker allocates little for each message, so V8's young generation can stay at its first size. Growing it while clients connect
  // costs 2 KB of memory for each of 15,000 that is never given back, and no throughput is gained. PERF: npm run bench -- --scenario idle
  setFlagsFromString('--semi-space-growth-factor=1');
} else {
  // Commands that live for a moment must not compile everything anew. PERF: bench/command-line/start-up.ts
  enableCompileCache();
}

const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(args);
