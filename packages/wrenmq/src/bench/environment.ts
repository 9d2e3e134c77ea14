import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { readVersion } from '#version.ts';

/** Where a result was measured: without it, nobody can repeat it. */
export function environment(host: string): Readonly<Record<string, string | number | boolean>> {
  const processors = cpus();
  return {
    wrenmq: readVersion(),
    node: process.versions.node,
    nodeFlags: [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').trim(),
    platform: `${process.platform} ${process.arch} ${release()}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    governor: governor(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    /** Of the last minute: other programs had the processor too. */
    load: Math.round(loadavg()[0] * 100) / 100,
    openFilesMax: openFilesMax(),
    isSameHost: /^(localhost|127\.|\[?::1)/.test(host),
    at: new Date().toISOString(),
  };
}

function governor(): string {
  try {
    return readFileSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

function openFilesMax(): number | string {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' });
  const limit = Number(stdout);
  return Number.isInteger(limit) && limit > 0 ? limit : (stdout ?? '').trim() || 'unknown';
}
