/** The entry of the command line; everything else is loaded by the command that needs it. */
import { setFlagsFromString } from 'node:v8';
import { runCommandLine } from './command-line.ts';

// The broker allocates little for each message, so V8's young generation can stay at its first size. Growing it while clients connect costs
// 2 KB of memory for each of 15,000 that is never given back, and no throughput is gained. PERF: npm run bench -- --scenario idle
setFlagsFromString('--semi-space-growth-factor=1');

process.exitCode = await runCommandLine(process.argv.slice(2));
