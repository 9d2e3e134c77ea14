import { join } from 'node:path';
import { LaunchedProcess, tempDirectory } from '@wrenmq/testkit';
import type { Scenario } from './scenario.ts';

const MESSAGES = 10_000_000;
const FILL_TIMEOUT_MS = 180_000;
const READ_TIMEOUT_MS = 120_000;

interface Filled {
  readonly seconds: number;
  readonly segments: number;
  readonly missed: number;
  readonly bytesPerMessage: number;
  readonly cpuNs: number;
  readonly memoryBytes: number;
}

interface Read {
  readonly startMs: number;
  readonly startBytes: number;
  readonly askedBytes: number;
  readonly answers: readonly { readonly name: string; readonly firstMs: number; readonly allMs: number; readonly messages: number }[];
}

/** Written and read through the History itself, in processes of their own: clients would take too long to publish so much. */
export const history: Scenario = {
  title: `${MESSAGES.toLocaleString('en')} messages of 64 bytes over 100,000 topics in the history, written without clients`,
  async measure() {
    await using directory = await tempDirectory('wrenmq-history-');
    const filled = await run<Filled>(['fill', directory.path, String(MESSAGES)], FILL_TIMEOUT_MS);
    const read = await run<Read>(['read', directory.path], READ_TIMEOUT_MS);
    const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
    const rows: (string | number)[][] = [
      ['written in, s', Math.round(filled.seconds), '', filled.missed === 0 ? '' : `${filled.missed} missed`],
      ['CPU for each message, making it included, ns', filled.cpuNs, '', ''],
      ['bytes on disk for each message', Math.round(filled.bytesPerMessage), '', `${filled.segments} segments`],
      ['memory while it is written, MB', megabytes(filled.memoryBytes), '', ''],
      ['start, ms', Math.round(read.startMs), '', ''],
      ['memory after the start, MB', megabytes(read.startBytes), '', ''],
      ['memory after all of the readings, MB', megabytes(read.askedBytes), '', ''],
    ];
    for (const { name, firstMs, allMs, messages } of read.answers) {
      rows.push([`${name}: first, ms`, Number(firstMs.toFixed(1)), Number(allMs.toFixed(1)), messages]);
    }
    return { columns: ['', 'figure', 'all read after, ms', 'messages'], rows };
  },
};

async function run<T>(args: readonly string[], timeoutMs: number): Promise<T> {
  let result: T | null = null;
  const reader = await LaunchedProcess.launch({
    command: process.execPath,
    args: ['--conditions=@wrenmq/source', join(import.meta.dirname, 'history-process.ts'), ...args],
    isReady: (line) => {
      if (line.startsWith('{')) result = JSON.parse(line) as T;
      return result !== null;
    },
    timeoutMs,
  });
  await reader.kill('SIGKILL');
  return result!;
}
