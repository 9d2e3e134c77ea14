import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsOptions } from '@wrenmq/client';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import { readFlagFile, readSecretFile } from './credentials.ts';

/** What the flags say about certificates and keys. */
export async function tlsOptions(flags: ConnectionFlags): Promise<TlsOptions> {
  refuseEngines(flags);
  if ((flags.cert === undefined) !== (flags.key === undefined)) throw usage('--cert and --key belong together: give both');
  const ca = await readAuthorities(flags);
  const psk = await readPreSharedKey(flags);
  if (psk !== undefined && ca !== undefined) throw usage('use either --psk, or --cafile and --capath');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(flags.cert === undefined ? {} : { cert: await readFlagFile('--cert', flags.cert) }),
    ...(flags.key === undefined ? {} : { key: await readFlagFile('--key', flags.key) }),
    ...(flags.keypassFile === undefined ? {} : { passphrase: await readSecretFile('--keypass-file', flags.keypassFile) }),
    ...(flags.tlsAlpn === undefined ? {} : { alpn: flags.tlsAlpn.split(',') }),
    ...(flags.insecure === true ? { rejectUnauthorized: false } : {}),
    ...(psk === undefined ? {} : { psk }),
  };
}

function refuseEngines(flags: ConnectionFlags): void {
  if (flags.keyform !== undefined && flags.key === undefined) throw usage('--keyform says what --key is: give --key too');
  if (flags.tlsEngine !== undefined || flags.tlsEngineKpassSha1 !== undefined || (flags.keyform ?? 'pem') !== 'pem')
    throw usage('engines of OpenSSL are not available in Node.js: give the key as a PEM file with --key');
}

/** In PEM, one file after the other. */
async function readAuthorities(flags: ConnectionFlags): Promise<string | undefined> {
  const files = flags.cafile === undefined ? [] : [await readFlagFile('--cafile', flags.cafile)];
  if (flags.capath !== undefined) {
    const names = await readdir(flags.capath).catch((error: Error) => {
      throw usage(`--capath ${flags.capath}: ${error.message}`);
    });
    for (const name of names.filter((entry) => /\.(pem|crt|cer|\d+)$/.test(entry)))
      files.push(await readFlagFile('--capath', join(flags.capath, name)));
  }
  return files.length === 0 ? undefined : files.map((file) => file.toString('utf8')).join('\n');
}

async function readPreSharedKey(flags: ConnectionFlags): Promise<TlsOptions['psk']> {
  const hex = flags.psk ?? (flags.pskFile === undefined ? undefined : await readSecretFile('--psk-file', flags.pskFile));
  if (hex === undefined) return undefined;
  if (flags.pskIdentity === undefined) throw usage('--psk needs --psk-identity');
  if (!/^([0-9a-f]{2})+$/i.test(hex)) throw usage('--psk: must be an even number of hexadecimal digits');
  return { identity: flags.pskIdentity, key: Buffer.from(hex, 'hex') };
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
