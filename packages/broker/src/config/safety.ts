import { isIP } from 'node:net';
import { type BindAddress, formatAddress, isLoopback } from '#base/bind-address.ts';
import type { Config, ListenerConfig } from './schema.ts';

/** A key whose value is right by itself and wrong together with others. */
export interface Finding {
  readonly path: readonly string[];
  readonly message: string;
  readonly suggestion: string;
  /** The section that decides whether this is so: if that is wrong itself, nothing can be said. */
  readonly dependsOn?: string;
}

/**
 * What must be mended before the broker may start. `hasOtherAuthentication`: there are users outside the configuration, in a password
 * file or in an embedder's own authenticator.
 */
export function findUnsafe(config: Config, hasOtherAuthentication: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const [name, listener] of Object.entries(config.listeners)) {
    findings.push(...findTlsMistakes(name, listener), ...findProxyMistakes(name, listener));
    if (listener.enabled) findings.push(...findOpenDoors(name, listener, config, hasOtherAuthentication));
  }
  return [...findings, ...findSharedAddresses(config)];
}

/** What may be wanted, and should be said at every start. */
export function findRisks(config: Config): Finding[] {
  const findings: Finding[] = [];
  for (const [name, listener] of Object.entries(config.listeners)) {
    if (!listener.enabled || isLoopback(listener.bind)) continue;
    const path = ['listeners', name, 'bind'];
    if (listener.isAnonymousAllowed) {
      findings.push({
        path,
        message: `lets everyone in who reaches ${formatAddress(listener.bind)}, without credentials`,
        suggestion: 'make a first user with `wrenmq setup` and leave --insecure-allow-anonymous away',
      });
    } else if (!hasTls(listener)) {
      findings.push({
        path,
        message: `carries passwords and messages unencrypted beyond this machine (${formatAddress(listener.bind)})`,
        suggestion: `use TLS: set listeners.${name}.kind to ${listener.kind === 'ws' ? 'wss' : 'tls'}`,
      });
    }
  }
  return findings;
}

function hasTls(listener: ListenerConfig): boolean {
  return listener.kind === 'tls' || listener.kind === 'wss';
}

function findOpenDoors(name: string, listener: ListenerConfig, config: Config, hasOtherAuthentication: boolean): Finding[] {
  if (isLoopback(listener.bind) || config.insecureAllowAnonymous) return [];
  const path = ['listeners', name, 'bind'];
  const where = `listens beyond this machine (${formatAddress(listener.bind)})`;
  const port = 'port' in listener.bind ? listener.bind.port : 0;
  const remedies = [
    'make a first user and print the credential:  wrenmq setup',
    `or keep the listener on this machine:        --set listeners.${name}.bind=127.0.0.1:${port}`,
    'or let everyone in who reaches it:           --insecure-allow-anonymous',
  ];
  if (listener.isAnonymousAllowed) {
    const remedy = listener.anonymous === 'allow' ? `listeners.${name}.anonymous=deny` : 'authentication.anonymous=loopback';
    const suggestion = [`refuse clients without credentials:           --set ${remedy}`, ...remedies.slice(1)].join('\n');
    return [{ path, message: `${where} and lets clients in without credentials`, suggestion }];
  }
  const provesByCertificate = hasTls(listener) && listener.tls.clientCertificate !== 'none' && listener.tls.certificateAs !== 'off';
  if (provesByCertificate || hasOtherAuthentication || Object.keys(config.authentication.users).length > 0) return [];
  return [
    { path, message: `${where}, and there is no user who could come in`, suggestion: remedies.join('\n'), dependsOn: 'authentication' },
  ];
}

function findTlsMistakes(name: string, listener: ListenerConfig): Finding[] {
  const findings: Finding[] = [];
  const path = (key: string) => ['listeners', name, 'tls', key];
  const { tls } = listener;
  if (!hasTls(listener)) {
    if (!mentionsCertificates(tls)) return [];
    const kind = listener.kind === 'ws' ? 'wss' : 'tls';
    return [
      {
        path: ['listeners', name, 'tls'],
        message: `has no meaning for the kind ${listener.kind}`,
        suggestion: `set listeners.${name}.kind to ${kind}, or remove it`,
      },
    ];
  }
  if (tls.cert !== null && tls.key === null)
    findings.push({ path: path('cert'), message: 'needs its private key', suggestion: `give listeners.${name}.tls.key` });
  if (tls.keyPassphrase !== null && tls.key === null)
    findings.push({
      path: path('keyPassphrase'),
      message: 'has no meaning without a private key',
      suggestion: `give listeners.${name}.tls.key`,
    });
  if (tls.key !== null && tls.cert === null)
    findings.push({ path: path('key'), message: 'needs its certificate', suggestion: `give listeners.${name}.tls.cert` });
  if (tls.clientCertificate !== 'none' && tls.ca === null) {
    findings.push({
      path: path('clientCertificate'),
      message: 'needs to know who signs client certificates',
      suggestion: `give listeners.${name}.tls.ca`,
    });
  }
  if (tls.clientCertificate === 'none') {
    const useless = tls.certificateAs !== 'off' ? 'certificateAs' : tls.crl !== null ? 'crl' : null;
    const suggestion = `set listeners.${name}.tls.clientCertificate to optional or required`;
    if (useless !== null) findings.push({ path: path(useless), message: 'has no meaning without client certificates', suggestion });
  }
  return findings;
}

function mentionsCertificates(tls: ListenerConfig['tls']): boolean {
  const files = [tls.cert, tls.key, tls.ca, tls.crl].some((file) => file !== null);
  const texts = [tls.keyPassphrase, tls.ciphers].some((text) => text !== null);
  return files || texts || tls.clientCertificate !== 'none' || tls.certificateAs !== 'off' || Object.keys(tls.sni).length > 0;
}

function findProxyMistakes(name: string, listener: ListenerConfig): Finding[] {
  const { enabled, trusted } = listener.proxyProtocol;
  if (!enabled || trusted.length > 0 || 'path' in listener.bind) return [];
  return [
    {
      path: ['listeners', name, 'proxyProtocol', 'trusted'],
      message: 'is empty, so that nobody could connect',
      suggestion: 'name the addresses of your load balancers, such as [10.0.0.0/8]: whoever is trusted may claim any address',
    },
  ];
}

function findSharedAddresses(config: Config): Finding[] {
  const doors = Object.entries(config.listeners)
    .filter(([, listener]) => listener.enabled)
    .map(([name, listener]) => ({ path: ['listeners', name], bind: listener.bind }));
  if (config.admin.enabled) doors.push({ path: ['admin'], bind: config.admin.bind });
  return doors.flatMap((door, index) => {
    const other = doors.slice(0, index).find((earlier) => overlaps(earlier.bind, door.bind));
    if (other === undefined) return [];
    const taker = other.path.join('.');
    const suggestion = `change one of the two binds, or switch one off: --set ${taker}.enabled=false`;
    return [
      {
        path: [...door.path, 'bind'],
        message: `${formatAddress(door.bind)} is taken by ${taker} (${formatAddress(other.bind)})`,
        suggestion,
      },
    ];
  });
}

function overlaps(a: BindAddress, b: BindAddress): boolean {
  if ('path' in a || 'path' in b) return 'path' in a && 'path' in b && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || coversHost(a.host, b.host) || coversHost(b.host, a.host);
}

/** Whether a socket on `wide` also takes what `narrow` would. `::` takes IPv4 too; a name may be either. */
function coversHost(wide: string, narrow: string): boolean {
  if (wide === '::') return true;
  if (wide === '0.0.0.0') return isIP(narrow) !== 6;
  return wide === 'localhost' && (narrow === '127.0.0.1' || narrow === '::1');
}
