import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A Node.js of this machine, other than the pinned one, whose major version is `wanted`; null when there is none. */
export function findMachineNode(wanted: (major: number) => boolean): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/bin', '/usr/bin'];
  const candidates = folders.filter((folder) => !folder.includes('node_modules')).map((folder) => join(folder, 'node'));
  return candidates.find((file) => isExecutable(file) && wanted(readMajor(file))) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readMajor(node: string): number {
  return Number.parseInt(spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout, 10);
}
