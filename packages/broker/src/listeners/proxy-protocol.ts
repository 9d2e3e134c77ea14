/**
 * The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt): pure and strict.
 *
 *   v1 = "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP sourcePort SP destinationPort CRLF
 *      | "PROXY UNKNOWN" anything CRLF                                                    (at most 107 bytes)
 *   v2 = signature[12] version:4 command:4 family:4 protocol:4 length[2] addresses tlv*
 *   tlv = type[1] length[2] value
 */
import { isIPv4, isIPv6 } from 'node:net';
import { crc32c } from './crc32c.ts';
import { isCleanName } from './certificate-name.ts';
import type { Peer, TlsFacts } from './link.ts';

export interface ProxyHeader {
  /** Bytes that the header takes. */
  readonly length: number;
  /** Who connected to the proxy; null when the proxy speaks for itself (LOCAL) or does not know. */
  readonly source: Peer | null;
  /** What the proxy's own TLS established, when it says so. */
  readonly tls: TlsFacts | null;
}

export class ProxyProtocolError extends Error {}

const v1Start = Buffer.from('PROXY ');
const v2Signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const v1BytesMax = 107;
const v2HeaderBytes = 16;
const v2LengthMax = 2048;

/** More bytes than any accepted header has. */
export const proxyHeaderBytesMax = v2HeaderBytes + v2LengthMax;

const Tlv = { AUTHORITY: 0x02, CRC32C: 0x03, SSL: 0x20, SSL_VERSION: 0x21, SSL_CN: 0x22 } as const;
const SslClient = { SSL: 1, CERT_CONN: 2, CERT_SESS: 4 } as const;

/** Reads a header from the start of `bytes`; null when more bytes are needed; throws ProxyProtocolError when it is none. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (startsLike(bytes, v1Start)) return bytes.length < v1Start.length ? null : parseV1(bytes);
  if (startsLike(bytes, v2Signature)) return bytes.length < v2HeaderBytes ? null : parseV2(bytes);
  throw new ProxyProtocolError('no PROXY header');
}

function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function parseV1(bytes: Buffer): ProxyHeader | null {
  const end = bytes.subarray(0, v1BytesMax).indexOf('\r\n');
  if (end === -1) {
    if (bytes.length >= v1BytesMax) throw new ProxyProtocolError('version 1: no line end within 107 bytes');
    return null;
  }
  const length = end + 2;
  const words = bytes.toString('latin1', 0, end).split(' ');
  if (words[1] === 'UNKNOWN') return { length, source: null, tls: null };
  if (words.length !== 6) throw new ProxyProtocolError('version 1: wrong number of words');
  const [, family, source, destination, sourcePort, destinationPort] = words as [string, string, string, string, string, string];
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  if (isAddress === null) throw new ProxyProtocolError('version 1: unknown address family');
  // A zone ('fe80::1%eth0') names an interface of another machine: nothing here can compare it.
  if (!isAddress(source) || !isAddress(destination) || source.includes('%')) throw new ProxyProtocolError('version 1: invalid address');
  parseV1Port(destinationPort);
  return { length, source: { address: source, port: parseV1Port(sourcePort) }, tls: null };
}

function parseV1Port(text: string): number {
  const port = Number(text);
  if (!/^(0|[1-9]\d{0,4})$/.test(text) || port > 65535) throw new ProxyProtocolError('version 1: invalid port');
  return port;
}

function parseV2(bytes: Buffer): ProxyHeader | null {
  const version = bytes[12] >> 4;
  const command = bytes[12] & 15;
  const bodyLength = bytes.readUInt16BE(14);
  if (version !== 2) throw new ProxyProtocolError('version 2: unknown version');
  if (command > 1) throw new ProxyProtocolError('version 2: unknown command');
  if (bodyLength > v2LengthMax) throw new ProxyProtocolError('version 2: longer than 2048 bytes');
  const length = v2HeaderBytes + bodyLength;
  if (bytes.length < length) return null;
  const isLocal = command === 0;
  if (isLocal) return { length, source: null, tls: null };
  const family = bytes[13] >> 4;
  const protocol = bytes[13] & 15;
  if (family > 3 || protocol > 1) throw new ProxyProtocolError('version 2: unknown family or protocol');
  const body = bytes.subarray(v2HeaderBytes, length);
  const addressBytes = [0, 12, 36, 216][family];
  if (body.length < addressBytes) throw new ProxyProtocolError('version 2: addresses are cut short');
  const fields = readTlvs(body.subarray(addressBytes));
  checkCrc32c(bytes.subarray(0, length), fields.get(Tlv.CRC32C));
  return { length, source: protocol === 0 ? null : parseV2Source(body, family), tls: tlsFactsOf(fields) };
}

function parseV2Source(body: Buffer, family: number): Peer | null {
  switch (family) {
    case 1:
      return { address: body.subarray(0, 4).join('.'), port: body.readUInt16BE(8) };
    case 2:
      return { address: formatIPv6(body), port: body.readUInt16BE(32) };
    case 3:
      return { address: '', port: 0 };
    default:
      return null;
  }
}

function formatIPv6(bytes: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  // URL writes an IPv6 address in its shortest form (RFC 5952).
  const shortest = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
  const isMapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff';
  return isMapped ? bytes.subarray(12, 16).join('.') : shortest;
}

/** What the proxy says of its own TLS connection; other fields are skipped, but all must fit. */
function tlsFactsOf(fields: Map<number, Buffer>): TlsFacts | null {
  const ssl = fields.get(Tlv.SSL);
  if (ssl === undefined) return null;
  if (ssl.length < 5) throw new ProxyProtocolError('version 2: the SSL field is cut short');
  const client = ssl[0];
  const isVerified = ssl.readUInt32BE(1) === 0;
  const sslFields = readTlvs(ssl.subarray(5));
  if ((client & SslClient.SSL) === 0) return null;
  const hasCertificate = (client & (SslClient.CERT_CONN | SslClient.CERT_SESS)) !== 0 && isVerified;
  const commonName = cleanText(sslFields, Tlv.SSL_CN);
  return {
    protocol: cleanText(sslFields, Tlv.SSL_VERSION) ?? '',
    serverName: cleanText(fields, Tlv.AUTHORITY),
    certificate: hasCertificate && commonName !== null ? { commonName, subject: '', fingerprint256: '' } : null,
  };
}

/** The checksum over the whole header, its own four bytes taken as zero; a proxy may leave it away. */
function checkCrc32c(header: Buffer, field: Buffer | undefined): void {
  if (field === undefined) return;
  if (field.length !== 4) throw new ProxyProtocolError('version 2: the checksum has not four bytes');
  const expected = field.readUInt32BE(0);
  const at = field.byteOffset - header.byteOffset;
  const zeroed = Buffer.from(header).fill(0, at, at + 4);
  if (crc32c(zeroed) !== expected) throw new ProxyProtocolError('version 2: the checksum is wrong');
}

function readTlvs(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 3) throw new ProxyProtocolError('version 2: a field is cut short');
    const valueStart = at + 3;
    const end = valueStart + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) throw new ProxyProtocolError('version 2: a field is cut short');
    fields.set(bytes[at], bytes.subarray(valueStart, end));
    at = end;
  }
  return fields;
}

function cleanText(fields: Map<number, Buffer>, type: number): string | null {
  const text = fields.get(type)?.toString('utf8') ?? null;
  if (text !== null && !isCleanName(text)) throw new ProxyProtocolError('version 2: a name is no clean text');
  return text;
}
