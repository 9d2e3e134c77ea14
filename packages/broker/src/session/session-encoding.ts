import type { QoS } from '#message/message.ts';
import type { SessionFacts, StoredSubscription } from './session-record.ts';

/*
 * The stored forms of a session's facts and of a subscription. Integers are big-endian; a text is its bytes in UTF-8 behind their number.
 *
 *   facts        = 1 u8 | flags u8 | createdAtMs f64 | expiresAtMs f64 | willAtMs f64 | expiryInterval u32 | willDelay u32
 *                | clientId text u32 | owner text u32 | peerAddress text u32, where the flags say so | principal (JSON)
 *   subscription = 1 u8 | options u8 | identifier u32 | text text u32 | what few have (JSON)
 *
 * What begins with a brace is JSON, as it was written before. PERF: npm run bench -- --scenario durable-sessions
 */
const VERSION = 1;
const BRACE = 0x7b;
const FACTS_BYTES = 34;
const SUBSCRIPTION_BYTES = 6;
const TEXT_BYTES = 4;

/**
 * Of facts. The last four stand for texts of the principal that differ from client to client: its JSON has them not, or empty, and is
 * the same for very many. The user's name is the owner's without `user:`.
 */
const Fact = { IsConnected: 1, IsEnded: 2, HasClientId: 4, HasOwner: 8, HasUsername: 16, HasPeerAddress: 32 } as const;
const OWNER_USER = 'user:';
/** So many different ones are parsed once only. */
const PRINCIPALS_MAX = 256;

/** JSON leaves out what is undefined. */
const absent = { clientId: undefined, owner: undefined, username: undefined, peerAddress: undefined };
const blank = { clientId: '', owner: '', username: '', peerAddress: '' };

/** The texts of a principal that stand beside it. */
interface Named {
  clientId?: unknown;
  owner?: unknown;
  username?: unknown;
  peerAddress?: unknown;
}

/** Of a subscription, as the byte of SUBSCRIBE has them (3.8.3.1). */
const Option = { QoS: 3, NoLocal: 4, RetainAsPublished: 8 } as const;
const RETAIN_HANDLING_SHIFT = 4;

/** A record of these facts never grows while their client is the same: every number takes its full width. */
export function encodeFacts(facts: SessionFacts): Buffer {
  const { clientId, owner } = facts;
  const principal = facts.principal as Named;
  const peerAddress = typeof principal.peerAddress === 'string' ? principal.peerAddress : null;
  const flags =
    (facts.isConnected ? Fact.IsConnected : 0) |
    (facts.isEnded ? Fact.IsEnded : 0) |
    (principal.clientId === clientId ? Fact.HasClientId : 0) |
    (principal.owner === owner ? Fact.HasOwner : 0) |
    (typeof principal.username === 'string' && owner === OWNER_USER + principal.username ? Fact.HasUsername : 0) |
    (peerAddress === null ? 0 : Fact.HasPeerAddress);
  const json = JSON.stringify({ ...principal, ...withTexts({}, flags, absent) });
  const texts = peerAddress === null ? [clientId, owner] : [clientId, owner, peerAddress];
  const bytes = texts.reduce((sum, text) => sum + TEXT_BYTES + Buffer.byteLength(text), FACTS_BYTES + Buffer.byteLength(json));
  const value = Buffer.allocUnsafe(bytes);
  let at = value.writeUInt8(VERSION, 0);
  at = value.writeUInt8(flags, at);
  at = value.writeDoubleBE(facts.createdAtMs, at);
  at = value.writeDoubleBE(facts.expiresAtMs, at);
  at = value.writeDoubleBE(facts.willAtMs, at);
  at = value.writeUInt32BE(facts.expiryInterval, at);
  at = value.writeUInt32BE(facts.willDelay, at);
  for (const text of texts) at = writeText(value, at, text);
  value.write(json, at);
  return value;
}

/** A principal without its client's own names: clients that came alike share one. */
export class PrincipalForm {
  /** With blanks for what is filled in: so principals are copies of one shape. */
  readonly #blank: Named;
  readonly #common: Named;
  readonly #flags: number;
  readonly #peerAddress: string;

  constructor(common: Named, flags: number, peerAddress: string) {
    this.#blank = withTexts({ ...common }, flags, blank);
    this.#common = common;
    this.#flags = flags;
    this.#peerAddress = peerAddress;
  }

  of(clientId: string, owner: string): object {
    const username = (this.#flags & Fact.HasUsername) === 0 ? '' : owner.slice(OWNER_USER.length);
    return withTexts({ ...this.#blank }, this.#flags, { clientId, owner, username, peerAddress: this.#peerAddress });
  }

  isMadeOf(common: Named, flags: number, peerAddress: string): boolean {
    return common === this.#common && flags === this.#flags && peerAddress === this.#peerAddress;
  }
}

/** Reads the facts of one session after another; what they have in common is one object. */
export class FactsDecoder {
  /** Of the facts that were decoded last; null when they are as they were written before. */
  form: PrincipalForm | null = null;
  /** Principals by their JSON. */
  readonly #principals = new Map<string, Named>();
  #owner = '';

  decode(value: Buffer): SessionFacts {
    if (value[0] === BRACE) {
      this.form = null;
      return JSON.parse(value.toString()) as SessionFacts;
    }
    const flags = value[1];
    const clientIdEnd = textEnd(value, FACTS_BYTES);
    const clientId = value.toString('utf8', FACTS_BYTES + TEXT_BYTES, clientIdEnd);
    const ownerEnd = textEnd(value, clientIdEnd);
    const owner = value.toString('utf8', clientIdEnd + TEXT_BYTES, ownerEnd);
    if (owner !== this.#owner) this.#owner = owner;
    const at = (flags & Fact.HasPeerAddress) === 0 ? ownerEnd : textEnd(value, ownerEnd);
    const peerAddress = at === ownerEnd ? '' : value.toString('utf8', ownerEnd + TEXT_BYTES, at);
    const form = this.#formOf(this.#parse(value.toString('utf8', at)), flags & ~(Fact.IsConnected | Fact.IsEnded), peerAddress);
    return {
      clientId,
      owner: this.#owner,
      principal: form.of(clientId, this.#owner),
      createdAtMs: value.readDoubleBE(2),
      expiryInterval: value.readUInt32BE(26),
      expiresAtMs: value.readDoubleBE(10),
      isConnected: (flags & Fact.IsConnected) !== 0,
      isEnded: (flags & Fact.IsEnded) !== 0,
      willDelay: value.readUInt32BE(30),
      willAtMs: value.readDoubleBE(18),
    };
  }

  #formOf(common: Named, flags: number, peerAddress: string): PrincipalForm {
    if (this.form === null || !this.form.isMadeOf(common, flags, peerAddress)) this.form = new PrincipalForm(common, flags, peerAddress);
    return this.form;
  }

  #parse(json: string): Named {
    const known = this.#principals.get(json);
    if (known !== undefined) return known;
    const principal = JSON.parse(json) as Named;
    if (this.#principals.size < PRINCIPALS_MAX) this.#principals.set(json, principal);
    return principal;
  }
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
  const end = textEnd(value, SUBSCRIPTION_BYTES);
  const stored = {
    text: value.toString('utf8', textAt, end),
    number,
    qos: (flags & Option.QoS) as QoS,
    noLocal: (flags & Option.NoLocal) !== 0,
    retainAsPublished: (flags & Option.RetainAsPublished) !== 0,
    retainHandling: (flags >> RETAIN_HANDLING_SHIFT) as StoredSubscription['retainHandling'],
    identifier: value.readUInt32BE(2),
  };
  return end === value.length ? stored : { ...stored, ...(JSON.parse(value.toString('utf8', end)) as object) };
}

/** Gives the principal the texts that the flags name. */
function withTexts(principal: Named, flags: number, { clientId, owner, username, peerAddress }: Required<Named>): Named {
  if ((flags & Fact.HasClientId) !== 0) principal.clientId = clientId;
  if ((flags & Fact.HasOwner) !== 0) principal.owner = owner;
  if ((flags & Fact.HasUsername) !== 0) principal.username = username;
  if ((flags & Fact.HasPeerAddress) !== 0) principal.peerAddress = peerAddress;
  return principal;
}

/** Where the text ends whose length stands at `at`. */
function textEnd(value: Buffer, at: number): number {
  return at + TEXT_BYTES + value.readUInt32BE(at);
}

function writeText(into: Buffer, at: number, text: string): number {
  const bytes = into.write(text, at + TEXT_BYTES);
  into.writeUInt32BE(bytes, at);
  return at + TEXT_BYTES + bytes;
}
