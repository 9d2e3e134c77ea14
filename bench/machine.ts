import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { repository } from '@wrenmq/testkit';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
}

export interface Versions {
  readonly node: string;
  readonly mosquitto: string;
  /** The commit that was measured, with `+` when files were changed since. */
  readonly commit: string;
}

export function describeMachine(): Machine {
  const cpu = cpus();
  return {
    cpu: cpu[0]?.model.trim() ?? 'unknown',
    cores: cpu.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    fileSystem: output('stat', ['-f', '-c', '%T', '/tmp']),
  };
}

export function describeVersions(): Versions {
  const changed = output('git', ['-C', repository, 'status', '--porcelain', '--untracked-files=no', 'packages']);
  const commit = output('git', ['-C', repository, 'rev-parse', '--short', 'HEAD']);
  return {
    node: process.versions.node,
    mosquitto: /[\d.]+/.exec(spawnSync('/usr/sbin/mosquitto', ['-h'], { encoding: 'utf8' }).stdout)?.[0] ?? 'unknown',
    commit: changed === '' ? commit : `${commit}+`,
  };
}

/** How busy the machine was in the last minute: what is measured on a busy one spreads. */
export function loadAverage(): number {
  return Math.round(loadavg()[0] * 100) / 100;
}

/** Raises what the kernel would refuse a process with many sockets: the children inherit it. */
export function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
}

function output(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
