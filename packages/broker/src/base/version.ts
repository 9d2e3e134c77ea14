import { readFileSync } from 'node:fs';

/** The version of the package that this code is part of, from its package.json. */
export const brokerVersion: string = readVersion(new URL('../../package.json', import.meta.url));

function readVersion(file: URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
