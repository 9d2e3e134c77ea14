import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { BoundAddresses } from '@wrenmq/broker';
import type { LoadedConfig } from '@wrenmq/broker/administration';

/** The one line of `--print-ready`. */
export function readyLine(bound: BoundAddresses, dataDirectory: string): string {
  const listeners = Object.fromEntries(bound.listeners.map(({ name, ...place }) => [name, place]));
  return JSON.stringify({ ready: true, pid: process.pid, listeners, admin: bound.admin, dataDirectory });
}

/** What a person sees at the start: where everything is, and how to try it. */
export function banner(bound: BoundAddresses, { config }: LoadedConfig): string {
  const lines = ['', 'WrenMQ is ready', ''];
  for (const { name, kind, address, port } of bound.listeners) lines.push(row(`${kind} (${name})`, authority(address, port)));
  if (bound.admin !== null) lines.push(row('admin', `http://${authority(bound.admin.address, bound.admin.port)}`));
  lines.push(row('data', config.durability === 'memory' ? 'in memory only: nothing survives the end' : config.dataDirectory));
  if (bound.certificateAuthority !== null) {
    lines.push(row('CA', bound.certificateAuthority), row('', `SHA-256 ${fingerprint(bound.certificateAuthority)}`));
  }
  const first = bound.listeners.find(({ kind }) => kind === 'tcp');
  if (first !== undefined && first.port > 0) lines.push('', ...tryIt(first.address, first.port));
  return `${lines.join('\n')}\n`;
}

function row(what: string, value: string): string {
  return `  ${what.padEnd(16)} ${value}`;
}

function tryIt(address: string, port: number): string[] {
  const host = address === '0.0.0.0' || address === '::' ? 'localhost' : address;
  const where = `-h ${host}${port === 1883 ? '' : ` -p ${port}`}`;
  return [`  Try it:  mosquitto_sub ${where} -t 'hello/#' -v`, `           mosquitto_pub ${where} -t hello/world -m hi -q 1`];
}

function authority(address: string, port: number): string {
  // A Unix socket is its path.
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function fingerprint(certificateFile: string): string {
  return new X509Certificate(readFileSync(certificateFile)).fingerprint256;
}
