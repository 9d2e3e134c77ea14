import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { type ConnectionOptions, connect as secure, type SecureVersion } from 'node:tls';
import type { TlsOptions, TransportFactory } from '@wrenmq/client';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { BrokerAddress } from './broker-address.ts';
import type { ConnectionFlags } from './connection-flags.ts';

const VERSIONS: Readonly<Record<string, SecureVersion>> = { 'tlsv1.1': 'TLSv1.1', 'tlsv1.2': 'TLSv1.2', 'tlsv1.3': 'TLSv1.3' };

/** A stream of our own for flags that the client's transports do not know: -A, --proxy, --tls-version, --ciphers, --tls-keylog, and a half --insecure. */
export function specialTransport(
  flags: ConnectionFlags,
  address: BrokerAddress,
  tls: TlsOptions | undefined,
): TransportFactory | undefined {
  const { bind, proxy, ciphers, tlsVersion, tlsKeylog } = flags;
  const isHalfSecure = flags.insecure === true && tls?.ca !== undefined;
  if (![bind, proxy, ciphers, tlsVersion, tlsKeylog].some((flag) => flag !== undefined) && !isHalfSecure) return undefined;
  if (/^(ws|wss|unix):/.test(address.url))
    throw usage(
      '-A, --proxy, --tls-version, --ciphers, --tls-keylog, and --insecure with --cafile are for TCP, not for WebSocket and Unix sockets',
    );
  const secureOptions = tls === undefined ? undefined : nodeOptions(flags, tls);
  return async ({ url, signal }) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port);
    const { openPlain } = await import('./open-plain.ts');
    const plain = await openPlain({ host, port, bind, proxy, signal });
    const socket = secureOptions === undefined ? plain : await openSecure(plain, host, { ...secureOptions, keylogFile: tlsKeylog });
    return {
      readable: Readable.toWeb(socket) as unknown as ReadableStream<Uint8Array>,
      write: (chunk) => new Promise<void>((resolve, reject) => socket.write(chunk, (error) => (error ? reject(error) : resolve()))),
      close: () => void socket.end(),
    };
  };
}

async function openSecure(
  socket: Socket,
  host: string,
  { keylogFile, ...options }: ConnectionOptions & { readonly keylogFile: string | undefined },
): Promise<Socket> {
  const stream = secure({ socket, host, ...(isIP(host) === 0 ? { servername: host } : {}), ...options });
  // Before the handshake goes on, so that no line is missing; whoever reads it can read the connection.
  if (keylogFile !== undefined) stream.on('keylog', (line: Buffer) => appendFileSync(keylogFile, line, { mode: 0o600 }));
  await once(stream, 'secureConnect');
  return stream;
}

function nodeOptions({ insecure, ciphers, tlsVersion }: ConnectionFlags, tls: TlsOptions): ConnectionOptions {
  const minVersion = tlsVersion === undefined ? undefined : VERSIONS[tlsVersion];
  if (tlsVersion !== undefined && minVersion === undefined)
    throw usage(`--tls-version ${tlsVersion}: there are ${Object.keys(VERSIONS).join(', ')}`);
  const { ca, cert, key, passphrase, alpn, psk } = tls;
  return {
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    ...(cert === undefined ? {} : { cert: Buffer.from(cert) }),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(minVersion === undefined ? {} : { minVersion }),
    // As mosquitto has it: the authority is checked, the name is not. Without an authority nothing is.
    ...(insecure !== true ? {} : ca === undefined ? { rejectUnauthorized: false } : { checkServerIdentity: () => undefined }),
    ...(psk === undefined ? {} : { pskCallback: () => ({ identity: psk.identity, psk: psk.key }), checkServerIdentity: () => undefined }),
  };
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
