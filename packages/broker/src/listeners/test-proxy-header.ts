/** For tests: writes PROXY headers of version 2, right or wrong. */

export function proxyV2({
  version = 2,
  command,
  family,
  body,
}: {
  version?: number;
  command: number;
  family: number;
  body: Buffer;
}): Buffer {
  const head = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  head[12] = (version << 4) | command;
  head[13] = family;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}

export function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type, value.length >> 8, value.length & 255), value]);
}

/** By default: over TLS 1.3 with a verified certificate. */
export function tlvSsl({ commonName, client = 7, verify = 0 }: { commonName: string | Buffer; client?: number; verify?: number }): Buffer {
  const head = Buffer.of(client, 0, 0, 0, verify);
  return tlv(0x20, Buffer.concat([head, tlv(0x21, Buffer.from('TLSv1.3')), tlv(0x22, Buffer.from(commonName as string))]));
}

/** A header of IPv4 with a checksum field, and another field behind it. */
export function proxyV2WithChecksum(addresses: Buffer, checksum: (header: Buffer) => number): Buffer {
  const header = proxyV2({ command: 1, family: 0x11, body: Buffer.concat([addresses, tlv(3, Buffer.alloc(4)), tlv(4, Buffer.alloc(5))]) });
  header.writeUInt32BE(checksum(header) >>> 0, 16 + addresses.length + 3);
  return header;
}
