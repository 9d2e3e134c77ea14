/** The entry of the command line; everything else is loaded by the command that needs it. */
import { runCommandLine } from './command-line.ts';

process.exitCode = await runCommandLine(process.argv.slice(2));
