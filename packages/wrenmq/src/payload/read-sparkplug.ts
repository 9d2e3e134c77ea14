import { ProtobufReader, WireType } from './protobuf-reader.ts';
import { type Field, type MessageName, type ScalarKind, sparkplugSchema } from './sparkplug-schema.ts';
import { jsonNumber, shortFloat } from './sparkplug-value.ts';

/** A message by the names of its fields; those that are absent are missing. */
export type Fields = Record<string, unknown>;

const DEPTH_MAX = 32;
const WIRE_TYPES: Readonly<Record<ScalarKind, number>> = {
  uint32: WireType.Varint,
  uint64: WireType.Varint,
  bool: WireType.Varint,
  float: WireType.Fixed32,
  double: WireType.Fixed64,
  string: WireType.Bytes,
  bytes: WireType.Bytes,
};

/** Reads a payload of Sparkplug B. Throws an Error that says what is wrong with it. */
export function readSparkplug(payload: Uint8Array): Fields {
  // Not a Buffer, whose parts would be Buffers: JSON has a notation of its own for those.
  const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  const read = readMessage(new ProtobufReader(bytes), 'Payload', {}, 0);
  // Every field may be missing, and nearly any text reads as fields that nobody knows.
  if (bytes.length > 0 && Object.keys(read).length === 0) throw new Error('it has no field of Sparkplug B');
  return read;
}

/** Reads a message to its end, into what an earlier part of it has left. */
function readMessage(reader: ProtobufReader, name: MessageName, into: Fields, depth: number): Fields {
  if (depth > DEPTH_MAX) throw new Error('messages stand too deep in each other');
  while (!reader.isAtEnd) {
    const { field, wireType } = reader.tag();
    const known = sparkplugSchema[name][field] as Field | undefined;
    if (known === undefined) reader.skip(field, wireType);
    else readField(reader, { ...known, wireType, what: `${name}.${known.name}` }, into, depth);
  }
  return into;
}

interface FoundField extends Field {
  readonly wireType: number;
  /** For errors. */
  readonly what: string;
}

function readField(reader: ProtobufReader, field: FoundField, into: Fields, depth: number): void {
  const { name, kind, wireType, what } = field;
  if (typeof kind !== 'string') {
    if (wireType !== WireType.Bytes) throw new Error(`${what} has the wire type ${wireType}`);
    // A message that is there once may come in parts.
    const before = field.isRepeated === true || field.isOneOf === true ? undefined : (into[name] as Fields | undefined);
    const value = readMessage(new ProtobufReader(reader.bytes()), kind.message, before ?? {}, depth + 1);
    if (field.isRepeated === true) append(into, name, value);
    else into[name] = value;
    return;
  }
  if (field.isRepeated === true && wireType === WireType.Bytes && WIRE_TYPES[kind] !== WireType.Bytes) {
    const packed = new ProtobufReader(reader.bytes());
    while (!packed.isAtEnd) append(into, name, readScalar(packed, kind));
    return;
  }
  if (wireType !== WIRE_TYPES[kind]) throw new Error(`${what} has the wire type ${wireType}`);
  const value = readScalar(reader, kind);
  if (field.isRepeated === true) append(into, name, value);
  else into[name] = value;
}

function append(into: Fields, name: string, value: unknown): void {
  const items = (into[name] ??= []) as unknown[];
  items.push(value);
}

function readScalar(reader: ProtobufReader, kind: ScalarKind): unknown {
  if (kind === 'float') return shortFloat(reader.float());
  return kind === 'double' ? jsonNumber(reader.double()) : reader[kind]();
}
