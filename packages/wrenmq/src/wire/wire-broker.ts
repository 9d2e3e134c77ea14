import type { SecureVersion } from 'node:tls';
import type { ConnectPacket, ProtocolVersion } from '@wrenmq/codec';
import type { ConnectOptions, Credentials } from '@wrenmq/client';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import type { Connection } from '#connection/connect-options.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { WireTarget } from './open-stream.ts';

/** What the connection flags mean to a command that speaks packets itself. */
export interface WireBroker {
  readonly target: WireTarget;
  /** Sent with every CONNECT. */
  readonly credentials: Pick<ConnectPacket, 'username' | 'password'>;
  /** Undefined: try 5, then 3.1.1. */
  readonly version: Extract<ProtocolVersion, 4 | 5> | undefined;
  readonly clientId: string | undefined;
  /** Seconds. */
  readonly keepAlive: number;
}

const TIMEOUT_DEFAULT_MS = 10_000;

export async function wireBroker(
  { url, options, flags }: Pick<Connection, 'url' | 'options' | 'flags'>,
  timeoutMs: number = TIMEOUT_DEFAULT_MS,
): Promise<WireBroker> {
  if (flags.proxy !== undefined)
    throw new CommandError('wrenmq: --proxy is not for commands that look at the connection itself', ExitCode.Usage);
  return {
    target: {
      url: new URL(url),
      ...(options.tls === undefined ? {} : { tls: secureContext(options.tls, flags) }),
      ...(flags.bind === undefined ? {} : { localAddress: flags.bind }),
      timeoutMs,
    },
    credentials: await credentialsOf(options),
    version: options.protocol === '5' ? 5 : options.protocol === '3.1.1' ? 4 : undefined,
    clientId: options.clientId,
    keepAlive: options.keepAlive ?? 60,
  };
}

async function credentialsOf({ credentials }: ConnectOptions): Promise<WireBroker['credentials']> {
  const given: Credentials | undefined =
    typeof credentials === 'function' ? await credentials({ attempt: 1, signal: new AbortController().signal }) : credentials;
  const { username, password } = given ?? {};
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
  };
}

/** In the words of node:tls. */
function secureContext(tls: NonNullable<ConnectOptions['tls']>, flags: ConnectionFlags): NonNullable<WireTarget['tls']> {
  const { ca, cert, key, passphrase, serverName, alpn, rejectUnauthorized, psk } = tls;
  const pem = (value: string | Uint8Array): string | Buffer => (typeof value === 'string' ? value : Buffer.from(value));
  return {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined ? {} : { cert: pem(cert) }),
    ...(key === undefined ? {} : { key: pem(key) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(flags.ciphers === undefined ? {} : { ciphers: flags.ciphers }),
    ...(flags.tlsVersion === undefined ? {} : { minVersion: flags.tlsVersion.replace('tls', 'TLS') as SecureVersion }),
    // As mosquitto has it: with an authority of our own the name alone is not checked.
    ...(flags.insecure === true && ca !== undefined
      ? { checkServerIdentity: () => undefined }
      : { rejectUnauthorized: rejectUnauthorized ?? true }),
    // A pre-shared key takes the place of certificates, which TLS 1.3 in OpenSSL would ask for.
    ...(psk === undefined
      ? {}
      : {
          pskCallback: () => ({ psk: psk.key, identity: psk.identity }),
          ciphers: 'PSK',
          maxVersion: 'TLSv1.2' as const,
          checkServerIdentity: () => undefined,
        }),
  };
}
