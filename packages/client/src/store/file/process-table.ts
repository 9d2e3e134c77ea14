import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** One process, told apart from a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own terms; empty where the system does not say. */
  readonly start: string;
  /** Which start of the machine it belongs to; empty likewise. */
  readonly boot: string;
  readonly host: string;
}

export interface ProcessTable {
  self(): Promise<ProcessIdentity>;
  isRunning(process: ProcessIdentity): Promise<boolean>;
}

/** The processes of this machine. */
export const machineProcesses: ProcessTable = {
  async self() {
    return { pid: process.pid, start: await readStart(process.pid), boot: await readBoot(), host: hostname() };
  },

  async isRunning({ pid, start, boot, host }) {
    // Another machine, or another container, whose processes cannot be seen from here.
    if (host !== hostname()) return true;
    if (boot !== (await readBoot()) || !isThere(pid)) return false;
    const now = await readStart(pid);
    return start === '' || now === '' || start === now;
  },
};

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readBoot(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

/** The 22nd field; the second, the name, may hold anything, parentheses too. */
async function readStart(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
