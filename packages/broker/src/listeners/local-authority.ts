/**
 * TLS at the first start: an authority of this machine's own, and a server certificate signed by it. Clients are given
 * ca.pem once; the server certificate may then change as often as it must.
 */
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { issueCertificate, type IssuedCertificate } from './certificate.ts';

const dayMs = 86_400_000;
const authorityDays = 3652;
/** The longest that every platform accepts from a private authority. */
const serverDays = 825;
const clientDays = 825;
const renewWithinDays = 30;
/** A client's clock may be behind ours. */
const backdateMs = 3_600_000;

export interface LocalAuthorityOptions {
  /** `<dataDir>/tls`; made when missing. */
  readonly directory: string;
  /** DNS names beside `localhost` and the host name. */
  readonly names: readonly string[];
  /** IP addresses beside 127.0.0.1 and ::1. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
}

export interface LocalAuthority {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Of the authority, as a person compares it: `AB:CD:...`. */
  readonly fingerprint256: string;
  /** What this call has made anew. */
  readonly made: 'authority' | 'server' | 'nothing';
}

interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly commonName: string;
  readonly key: KeyObject;
}

/** Makes what is missing, about to expire, or does not cover the names. Call it at start and once a day. */
export async function ensureLocalAuthority(options: LocalAuthorityOptions): Promise<LocalAuthority> {
  const { directory, clock } = options;
  await attempt(directory, () => mkdir(directory, { recursive: true, mode: 0o700 }));
  const old = await loadAuthority(directory);
  const isFresh = old === null || expiresSoon(old.certificate, clock);
  const authority = isFresh ? await makeAuthority(directory, clock) : old;
  const names = certificateNames(options);
  const needsServer = isFresh || !(await isServerUsable(directory, authority, names, clock));
  if (needsServer) await makeServer(directory, signing(directory, authority), names, clock);
  return {
    caPath: join(directory, 'ca.pem'),
    certPath: join(directory, 'server.pem'),
    keyPath: join(directory, 'server-key.pem'),
    fingerprint256: authority.certificate.fingerprint256,
    made: isFresh ? 'authority' : needsServer ? 'server' : 'nothing',
  };
}

/** A certificate for a client, signed by the authority in `directory`; nothing is written. */
export async function issueClientCertificate(options: {
  readonly directory: string;
  readonly commonName: string;
  readonly clock: Clock;
}): Promise<IssuedCertificate> {
  const authority = await loadAuthority(options.directory);
  if (authority === null) throw new OperationalError('listener.authority', `${options.directory} holds no authority yet`);
  const issuer = signing(options.directory, authority);
  return issueCertificate({
    purpose: 'client',
    commonName: options.commonName,
    alternativeNames: [],
    ...validity(clientDays, options.clock, issuer),
    issuer,
  });
}

/** Null when there is none; an authority without its key can still be shown, but signs nothing. */
async function loadAuthority(directory: string): Promise<(Omit<SigningAuthority, 'key'> & { key: KeyObject | null }) | null> {
  const cert = await readIfThere(join(directory, 'ca.pem'));
  const key = await readIfThere(join(directory, 'ca-key.pem'));
  if (cert === null) return null;
  return attempt(join(directory, 'ca.pem'), () => {
    const certificate = new X509Certificate(cert);
    const privateKey = key === null ? null : createPrivateKey(key);
    if (privateKey !== null && !certificate.checkPrivateKey(privateKey))
      throw new Error('the key in ca-key.pem belongs to another certificate');
    return { certificate, commonName: certificate.toLegacyObject().subject.CN as string, key: privateKey };
  });
}

function signing(directory: string, authority: Omit<SigningAuthority, 'key'> & { key: KeyObject | null }): SigningAuthority {
  const { key } = authority;
  if (key !== null) return { ...authority, key };
  throw new OperationalError(
    'listener.authority',
    `${join(directory, 'ca-key.pem')} is missing, so no certificate can be signed: put it back, or remove ${directory} to have a new authority made`,
  );
}

async function makeAuthority(directory: string, clock: Clock): Promise<SigningAuthority> {
  const commonName = `WrenMQ local authority ${randomBytes(4).toString('hex')}`;
  const made = issueCertificate({
    purpose: 'authority',
    commonName,
    alternativeNames: [],
    ...validity(authorityDays, clock, null),
    issuer: null,
  });
  // ORDER: the key first; a certificate without a key would look like an authority that has lost it.
  await replaceFile(join(directory, 'ca-key.pem'), made.key, 0o600);
  await replaceFile(join(directory, 'ca.pem'), made.cert, 0o644);
  return { certificate: new X509Certificate(made.cert), commonName, key: createPrivateKey(made.key) };
}

async function makeServer(directory: string, issuer: SigningAuthority, names: readonly string[], clock: Clock): Promise<void> {
  const made = issueCertificate({
    purpose: 'server',
    commonName: names[0],
    alternativeNames: names,
    ...validity(serverDays, clock, issuer),
    issuer,
  });
  await replaceFile(join(directory, 'server-key.pem'), made.key, 0o600);
  await replaceFile(join(directory, 'server.pem'), made.cert, 0o644);
}

async function isServerUsable(
  directory: string,
  authority: { certificate: X509Certificate },
  names: readonly string[],
  clock: Clock,
): Promise<boolean> {
  const cert = await readIfThere(join(directory, 'server.pem'));
  const key = await readIfThere(join(directory, 'server-key.pem'));
  if (cert === null || key === null) return false;
  try {
    const certificate = new X509Certificate(cert);
    const isOurs = certificate.verify(authority.certificate.publicKey) && certificate.checkPrivateKey(createPrivateKey(key));
    const isCovered = names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined);
    return isOurs && isCovered && !expiresSoon(certificate, clock);
  } catch {
    // Torn or foreign files: the server certificate is ours to replace.
    return false;
  }
}

function certificateNames({ names, addresses }: LocalAuthorityOptions): string[] {
  // An internationalized name is written in its ASCII form; a host name that is no DNS name is left out.
  const dns = ['localhost', hostname(), ...names]
    .map((name) => domainToASCII(name))
    .filter((name) => /^[a-z0-9*][a-z0-9.-]{0,252}$/.test(name) && isIP(name) === 0);
  const ip = ['127.0.0.1', '::1', ...addresses].filter((address) => isIP(address) !== 0 && !address.includes('%'));
  return [...new Set([...dns, ...ip])];
}

function validity(days: number, clock: Clock, issuer: SigningAuthority | null): { notBeforeMs: number; notAfterMs: number } {
  const nowMs = clock.wallMs();
  const notAfterMs = nowMs + days * dayMs - backdateMs;
  return {
    notBeforeMs: nowMs - backdateMs,
    notAfterMs: issuer === null ? notAfterMs : Math.min(notAfterMs, Date.parse(issuer.certificate.validTo)),
  };
}

function expiresSoon(certificate: X509Certificate, clock: Clock): boolean {
  return Date.parse(certificate.validTo) - clock.wallMs() < renewWithinDays * dayMs;
}

async function readIfThere(path: string): Promise<string | null> {
  return attempt(path, () =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    }),
  );
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.new`;
  await attempt(path, async () => {
    await writeFile(fresh, text, { mode, flush: true });
    await rename(fresh, path);
  });
}

async function attempt<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new OperationalError('listener.authority', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
