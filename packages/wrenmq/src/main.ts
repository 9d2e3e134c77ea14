/** The entry of the command line; everything else is loaded by the command that needs it. */
import { setFlagsFromString } from 'node:v8';
import { readVersion } from './version.ts';

const args = process.argv.slice(2);

// The broker allocates little for each message, so V8's young generation can stay at its first size. Growing it while clients connect costs
// 2 KB of memory for each of 15,000 that is never given back, and no throughput is gained. PERF: npm run bench -- --scenario idle
if (args[0] === 'start') setFlagsFromString('--semi-space-growth-factor=1');

// What scripts and prompts ask most needs no command line. PERF: docs/benchmarks.md, "The command line".
if (args.length === 1 && args[0] === '--version') console.log(readVersion());
else process.exitCode = await (await import('./command-line.ts')).runCommandLine(args);
