/**
 * Makes X.509 v3 certificates (RFC 5280) with ECDSA P-256 keys:
 *
 *   Certificate    = tbs algorithm signature
 *   tbs            = version serial algorithm issuer validity subject publicKey extensions
 *   extension      = id [critical] OCTET STRING
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { bitString, boolean, contextTag, integer, objectIdentifier, octetString, sequence, setOf, time, utf8String } from './der.ts';

const Oid = {
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const algorithm = sequence(objectIdentifier(Oid.ecdsaWithSha256));

export type CertificatePurpose = 'authority' | 'server' | 'client';

export interface CertificateRequest {
  readonly purpose: CertificatePurpose;
  readonly commonName: string;
  /** DNS names and IP addresses; for servers. */
  readonly alternativeNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Who signs; null: itself. */
  readonly issuer: { readonly commonName: string; readonly key: KeyObject } | null;
}

/** PEM texts. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

export function issueCertificate(request: CertificateRequest): IssuedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuerKey = request.issuer?.key ?? privateKey;
  const signed = sequence(
    contextTag(0, integer(Buffer.of(2))),
    integer(randomBytes(16)),
    algorithm,
    distinguishedName(request.issuer?.commonName ?? request.commonName),
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    distinguishedName(request.commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    contextTag(3, sequence(...extensions(request, publicKey, createPublicKey(issuerKey)))),
  );
  const der = sequence(signed, algorithm, bitString(sign('sha256', signed, issuerKey)));
  return { cert: pem('CERTIFICATE', der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

function distinguishedName(commonName: string): Buffer {
  const attribute = (id: string, text: string): Buffer => setOf(sequence(objectIdentifier(id), utf8String(text)));
  return sequence(attribute(Oid.organization, 'WrenMQ'), attribute(Oid.commonName, commonName));
}

function extensions({ purpose, alternativeNames }: CertificateRequest, publicKey: KeyObject, issuerKey: KeyObject): Buffer[] {
  const isAuthority = purpose === 'authority';
  const constraints = isAuthority ? sequence(boolean(true), integer(Buffer.of(0))) : sequence();
  // keyCertSign (5) and cRLSign (6), or digitalSignature (0): bits count from the left.
  const usage = isAuthority ? bitString(Buffer.of(0b0000_0110), 1) : bitString(Buffer.of(0b1000_0000), 7);
  const list = [
    extension(Oid.basicConstraints, constraints, true),
    extension(Oid.keyUsage, usage, true),
    extension(Oid.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
    extension(Oid.authorityKeyIdentifier, sequence(contextTag(0, keyIdentifier(issuerKey), true))),
  ];
  if (!isAuthority) {
    const extendedUsage = purpose === 'server' ? Oid.serverAuth : Oid.clientAuth;
    list.push(extension(Oid.extendedKeyUsage, sequence(objectIdentifier(extendedUsage))));
  }
  if (alternativeNames.length > 0) list.push(extension(Oid.subjectAltName, sequence(...alternativeNames.map(generalName))));
  return list;
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(objectIdentifier(id), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** RFC 5280 4.2.1.2 (1): SHA-1 over the key's point, which ends the 91-byte structure of a P-256 key. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha1').update(point).digest();
}

function generalName(name: string): Buffer {
  const version = isIP(name);
  if (version === 0) return contextTag(2, Buffer.from(name, 'latin1'), true);
  return contextTag(7, version === 4 ? Buffer.from(name.split('.').map(Number)) : addressBytes(name), true);
}

function addressBytes(address: string): Buffer {
  // URL writes an IPv6 address in hexadecimal groups with at most one '::'.
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::') as [string, string | undefined];
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const groups = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
