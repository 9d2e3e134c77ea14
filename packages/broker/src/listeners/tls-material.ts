import { constants, createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { OperationalError } from '#base/errors.ts';
import type { TlsCertificateOptions, TlsListenerOptions } from './listener-options.ts';

/** Everything that TLS needs, read and proven to fit together. */
export interface TlsMaterial {
  /** For the server itself: the first certificate. */
  readonly main: tls.SecureContextOptions;
  /** By server name in lower case, `*.example.org` for wildcards. */
  readonly byServerName: ReadonlyMap<string, tls.SecureContext>;
  /** Changes when who is trusted changes: sessions from before must then not be resumed. */
  readonly trust: string;
}

export function tlsPaths(options: TlsListenerOptions): string[] {
  const paths = options.certificates.flatMap(({ certPath, keyPath }) => [certPath, keyPath]);
  if (options.caPath !== null) paths.push(options.caPath);
  if (options.crlPath !== null) paths.push(options.crlPath);
  return paths;
}

/** Rejects with OperationalError `listener.tls` that names the file. */
export async function loadTlsMaterial(options: TlsListenerOptions): Promise<TlsMaterial> {
  if (options.certificates.length === 0) throw new OperationalError('listener.tls', 'TLS needs at least one certificate');
  if (options.clientCertificates !== 'none' && options.caPath === null) {
    throw new OperationalError('listener.tls', 'client certificates need caPath: the authorities that may have issued them');
  }
  const ca = options.caPath === null ? null : await read(options.caPath);
  const crl = options.crlPath === null ? null : await read(options.crlPath);
  const common: tls.SecureContextOptions = {
    minVersion: options.minVersion,
    // TLS 1.2 renegotiation costs the server far more than the client, and nothing needs it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(options.ciphers === null ? {} : { ciphers: options.ciphers }),
    ...(ca === null ? {} : { ca }),
    ...(crl === null ? {} : { crl }),
  };
  const byServerName = new Map<string, tls.SecureContext>();
  let main: tls.SecureContextOptions | null = null;
  for (const certificate of options.certificates) {
    const contextOptions = { ...common, ...(await readCertificate(certificate)) };
    const context = createContext(contextOptions, certificate);
    main ??= contextOptions;
    for (const name of serverNamesOf(certificate, contextOptions.cert)) if (!byServerName.has(name)) byServerName.set(name, context);
  }
  const trust = createHash('sha256')
    .update(`${options.clientCertificates}\n${ca ?? ''}\n${crl ?? ''}`)
    .digest('hex');
  return { main: main!, byServerName, trust };
}

/** The certificate for a server name: its own, or the wildcard's one level up. */
export function contextFor(material: TlsMaterial, serverName: string): tls.SecureContext | undefined {
  const name = serverName.toLowerCase();
  const dot = name.indexOf('.');
  return material.byServerName.get(name) ?? (dot === -1 ? undefined : material.byServerName.get(`*${name.slice(dot)}`));
}

async function readCertificate(options: TlsCertificateOptions): Promise<{ cert: string; key: string; passphrase?: string }> {
  const cert = await read(options.certPath);
  const key = await read(options.keyPath);
  return options.keyPassphrase === null ? { cert, key } : { cert, key, passphrase: options.keyPassphrase };
}

function createContext(options: tls.SecureContextOptions, certificate: TlsCertificateOptions): tls.SecureContext {
  try {
    return tls.createSecureContext(options);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OperationalError(
      'listener.tls',
      `certificate ${certificate.certPath} with key ${certificate.keyPath} is not usable: ${why}`,
      { cause },
    );
  }
}

function serverNamesOf(options: TlsCertificateOptions, cert: string): string[] {
  if (options.serverNames.length > 0) return options.serverNames.map((name) => name.toLowerCase());
  const names = new X509Certificate(cert).subjectAltName ?? '';
  return names.split(', ').flatMap((name) => (name.startsWith('DNS:') ? [name.slice('DNS:'.length).toLowerCase()] : []));
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new OperationalError('listener.tls', `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  });
}
