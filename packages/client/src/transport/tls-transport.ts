import { isIP } from 'node:net';
import { checkServerIdentity, connect, type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls';
import { readHost } from './read-host.ts';
import { openSocket } from './socket-transport.ts';
import { invalid } from './transport-errors.ts';
import type { TlsOptions, Transport, TransportContext, TransportObserver } from './transport.ts';

const PORT = 8883;

/** Without a certificate only these work in TLS 1.2; TLS 1.3 takes a key with any cipher of SHA-256. */
const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:PSK+HIGH:!aNULL';

/** `mqtts://host`, `ssl://host`, `tls://host:8883`. */
export async function openTls({ url, signal, tls = {} }: TransportContext, observer: TransportObserver): Promise<Transport> {
  const { host, port, place } = readHost(url, PORT);
  const socket = connect({ host, port, ...nodeTlsOptions(tls, host) }).setNoDelay(true);
  return openSocket({ socket, openEvent: 'secureConnect', place, signal }, observer);
}

/**
 * The options as node:tls, and what stands on it, has them. `host` is the name to expect in the certificate if there is no other.
 * Throws MqttError INVALID.
 */
export function nodeTlsOptions(tls: TlsOptions, host: string): ConnectionOptions {
  const name = tls.serverName ?? host;
  const { psk } = tls;
  return {
    // SNI has no addresses.
    ...(isIP(name) === 0 && { servername: name }),
    ...(tls.alpn !== undefined && { ALPNProtocols: [...tls.alpn] }),
    ...(psk !== undefined && { pskCallback: () => ({ identity: psk.identity, psk: psk.key }) }),
    secureContext: readMaterial(tls),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    checkServerIdentity: (_host, certificate) => {
      // The key has proved the server; one that answers with a certificate instead is asked for its name as ever.
      if (psk !== undefined && certificate?.subject === undefined) return undefined;
      return checkServerIdentity(name, certificate);
    },
  };
}

function readMaterial({ ca, cert, key, passphrase, psk }: TlsOptions): SecureContext {
  try {
    return createSecureContext({
      ...(ca !== undefined && { ca: readPem(ca) }),
      ...(cert !== undefined && { cert: readPem(cert) }),
      ...(key !== undefined && { key: readPem(key) }),
      ...(passphrase !== undefined && { passphrase }),
      ...(psk !== undefined && { ciphers: PSK_CIPHERS }),
    });
  } catch (cause) {
    throw invalid(`tls: ${(cause as Error).message}`, cause);
  }
}

function readPem(pem: string | Uint8Array): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength);
}
