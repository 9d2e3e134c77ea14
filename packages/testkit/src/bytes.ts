/** The fields of MQTT as bytes (1.5), unchecked: tests also need to say what is wrong. */

export function byte(value: number): Buffer {
  return Buffer.of(value);
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A Variable Byte Integer in as few bytes as it needs. */
export function variableByteInteger(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** A UTF-8 string with its length; a Buffer goes in as it is, so that a test can send ill-formed UTF-8. */
export function utf8(text: string | Buffer): Buffer {
  return binary(typeof text === 'string' ? Buffer.from(text) : text);
}

export function binary(data: Buffer): Buffer {
  return Buffer.concat([uint16(data.length), data]);
}

/** A control packet: its first byte, the Remaining Length, the rest. A list of parts may be as long as it likes. */
export function frame(first: number, ...parts: readonly (Buffer | readonly Buffer[])[]): Buffer {
  const body = Buffer.concat(parts.flat());
  return Buffer.concat([byte(first), variableByteInteger(body.length), body]);
}
