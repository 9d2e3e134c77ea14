import type { QoS } from '#message/message.ts';
import type { SessionFacts, StoredSubscription } from './session-record.ts';

/*
 * The stored forms of a session's facts and of a subscription. Integers are big-endian; a text is its bytes in UTF-8 behind their number.
 *
 *   facts        = 1 u8 | flags u8 | createdAtMs f64 | expiresAtMs f64 | willAtMs f64 | expiryInterval u32 | willDelay u32
 *                | clientId text u32 | owner text u32 | principal (JSON)
 *   subscription = 1 u8 | options u8 | identifier u32 | text text u32 | what few have (JSON)
 *
 * What begins with a brace is JSON, as it was written before. PERF: npm run bench -- --scenario durable-sessions
 */
const VERSION = 1;
const BRACE = 0x7b;
const FACTS_BYTES = 34;
const SUBSCRIPTION_BYTES = 6;
const TEXT_BYTES = 4;

/** Of facts. The last two stand for texts that the principal has too: there they are empty. */
const Fact = { IsConnected: 1, IsEnded: 2, HasClientId: 4, HasOwner: 8 } as const;

/** Of a subscription, as the byte of SUBSCRIBE has them (3.8.3.1). */
const Option = { QoS: 3, NoLocal: 4, RetainAsPublished: 8 } as const;
const RETAIN_HANDLING_SHIFT = 4;

/** A record of these facts never grows while their client is the same: every number takes its full width. */
export function encodeFacts(facts: SessionFacts): Buffer {
  const { clientId, owner } = facts;
  const principal = facts.principal as { clientId?: unknown; owner?: unknown };
  const hasClientId = principal.clientId === clientId;
  const hasOwner = principal.owner === owner;
  const json = JSON.stringify({ ...principal, ...(hasClientId ? { clientId: '' } : {}), ...(hasOwner ? { owner: '' } : {}) });
  const flags =
    (facts.isConnected ? Fact.IsConnected : 0) |
    (facts.isEnded ? Fact.IsEnded : 0) |
    (hasClientId ? Fact.HasClientId : 0) |
    (hasOwner ? Fact.HasOwner : 0);
  const bytes = FACTS_BYTES + 2 * TEXT_BYTES + Buffer.byteLength(clientId) + Buffer.byteLength(owner) + Buffer.byteLength(json);
  const value = Buffer.allocUnsafe(bytes);
  let at = value.writeUInt8(VERSION, 0);
  at = value.writeUInt8(flags, at);
  at = value.writeDoubleBE(facts.createdAtMs, at);
  at = value.writeDoubleBE(facts.expiresAtMs, at);
  at = value.writeDoubleBE(facts.willAtMs, at);
  at = value.writeUInt32BE(facts.expiryInterval, at);
  at = value.writeUInt32BE(facts.willDelay, at);
  at = writeText(value, at, clientId);
  at = writeText(value, at, owner);
  value.write(json, at);
  return value;
}

export function decodeFacts(value: Buffer): SessionFacts {
  if (value[0] === BRACE) return JSON.parse(value.toString()) as SessionFacts;
  const flags = value[1];
  const clientIdAt = FACTS_BYTES + TEXT_BYTES;
  const clientIdEnd = clientIdAt + value.readUInt32BE(FACTS_BYTES);
  const clientId = value.toString('utf8', clientIdAt, clientIdEnd);
  const ownerAt = clientIdEnd + TEXT_BYTES;
  const ownerEnd = ownerAt + value.readUInt32BE(clientIdEnd);
  const owner = value.toString('utf8', ownerAt, ownerEnd);
  const principal = JSON.parse(value.toString('utf8', ownerEnd)) as { clientId?: string; owner?: string };
  if ((flags & Fact.HasClientId) !== 0) principal.clientId = clientId;
  if ((flags & Fact.HasOwner) !== 0) principal.owner = owner;
  return {
    clientId,
    owner,
    principal,
    createdAtMs: value.readDoubleBE(2),
    expiryInterval: value.readUInt32BE(26),
    expiresAtMs: value.readDoubleBE(10),
    isConnected: (flags & Fact.IsConnected) !== 0,
    isEnded: (flags & Fact.IsEnded) !== 0,
    willDelay: value.readUInt32BE(30),
    willAtMs: value.readDoubleBE(18),
  };
}

export function encodeSubscription(subscription: StoredSubscription): Buffer {
  const { text, number: _, qos, noLocal, retainAsPublished, retainHandling, identifier, ...rare } = subscription;
  const json = Object.keys(rare).length === 0 ? '' : JSON.stringify(rare);
  const value = Buffer.allocUnsafe(SUBSCRIPTION_BYTES + TEXT_BYTES + Buffer.byteLength(text) + Buffer.byteLength(json));
  value[0] = VERSION;
  value[1] =
    qos | (noLocal ? Option.NoLocal : 0) | (retainAsPublished ? Option.RetainAsPublished : 0) | (retainHandling << RETAIN_HANDLING_SHIFT);
  value.writeUInt32BE(identifier, 2);
  const at = writeText(value, SUBSCRIPTION_BYTES, text);
  value.write(json, at);
  return value;
}

/** `number` is in the key. */
export function decodeSubscription(value: Buffer, number: number): StoredSubscription {
  if (value[0] === BRACE) return { ...(JSON.parse(value.toString()) as Omit<StoredSubscription, 'number'>), number };
  const flags = value[1];
  const textAt = SUBSCRIPTION_BYTES + TEXT_BYTES;
  const textEnd = textAt + value.readUInt32BE(SUBSCRIPTION_BYTES);
  const stored = {
    text: value.toString('utf8', textAt, textEnd),
    number,
    qos: (flags & Option.QoS) as QoS,
    noLocal: (flags & Option.NoLocal) !== 0,
    retainAsPublished: (flags & Option.RetainAsPublished) !== 0,
    retainHandling: (flags >> RETAIN_HANDLING_SHIFT) as StoredSubscription['retainHandling'],
    identifier: value.readUInt32BE(2),
  };
  return textEnd === value.length ? stored : { ...stored, ...(JSON.parse(value.toString('utf8', textEnd)) as object) };
}

function writeText(into: Buffer, at: number, text: string): number {
  const bytes = into.write(text, at + TEXT_BYTES);
  into.writeUInt32BE(bytes, at);
  return at + TEXT_BYTES + bytes;
}
