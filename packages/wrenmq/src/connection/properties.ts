import type { UserProperties } from '@wrenmq/codec';
import { CommandError, ExitCode } from '#exit-code.ts';
import { nearest } from '#nearest.ts';
import { readNumber } from './read-value.ts';

/** Properties of MQTT 5 that -D gives to one packet. */
export interface PropertyValues {
  readonly userProperties: UserProperties;
  readonly authenticationData?: Buffer;
  readonly authenticationMethod?: string;
  readonly contentType?: string;
  readonly correlationData?: Buffer;
  readonly maximumPacketSize?: number;
  readonly messageExpiryInterval?: number;
  readonly payloadFormatIndicator?: number;
  readonly receiveMaximum?: number;
  readonly requestProblemInformation?: number;
  readonly requestResponseInformation?: number;
  readonly responseTopic?: string;
  readonly sessionExpiryInterval?: number;
  readonly subscriptionIdentifier?: number;
  readonly topicAlias?: number;
  readonly topicAliasMaximum?: number;
  readonly willDelayInterval?: number;
}

export type PacketName = 'connect' | 'publish' | 'subscribe' | 'unsubscribe' | 'disconnect' | 'will';
export type PacketProperties = Readonly<Record<PacketName, PropertyValues>>;

const MAX = { byte: 1, short: 65_535, long: 0xffff_ffff, varint: 268_435_455 } as const;
type Kind = 'text' | 'data' | 'pair' | keyof typeof MAX;

const KINDS: Readonly<Record<string, Kind>> = {
  'authentication-data': 'data',
  'authentication-method': 'text',
  'content-type': 'text',
  'correlation-data': 'data',
  'maximum-packet-size': 'long',
  'message-expiry-interval': 'long',
  'payload-format-indicator': 'byte',
  'receive-maximum': 'short',
  'request-problem-information': 'byte',
  'request-response-information': 'byte',
  'response-topic': 'text',
  'session-expiry-interval': 'long',
  'subscription-identifier': 'varint',
  'topic-alias': 'short',
  'topic-alias-maximum': 'short',
  'user-property': 'pair',
  'will-delay-interval': 'long',
};

const OF_MESSAGE = ['content-type', 'correlation-data', 'message-expiry-interval', 'payload-format-indicator', 'response-topic'];

/** Which packet may carry which property. */
export const PROPERTIES: Readonly<Record<PacketName, readonly string[]>> = {
  connect: [
    'authentication-data',
    'authentication-method',
    'maximum-packet-size',
    'receive-maximum',
    'request-problem-information',
    'request-response-information',
    'session-expiry-interval',
    'topic-alias-maximum',
    'user-property',
  ],
  publish: [...OF_MESSAGE, 'topic-alias', 'user-property'],
  subscribe: ['subscription-identifier', 'user-property'],
  unsubscribe: ['user-property'],
  disconnect: ['session-expiry-interval', 'user-property'],
  will: [...OF_MESSAGE, 'user-property', 'will-delay-interval'],
};

/** What the client has no place for. */
const NOT_SENT: ReadonlySet<string> = new Set(['subscribe user-property', 'disconnect user-property']);

/** What stands between the words of one -D in one argument. */
export const WORD_END = '\0';

/** Reads all -D of a command line. */
export function readProperties(flags: readonly string[]): PacketProperties {
  const packets: Record<PacketName, Record<string, unknown> & PropertyValues> = {
    connect: { userProperties: [] },
    publish: { userProperties: [] },
    subscribe: { userProperties: [] },
    unsubscribe: { userProperties: [] },
    disconnect: { userProperties: [] },
    will: { userProperties: [] },
  };
  for (const flag of flags) {
    // In a file of flags and in a context the words stand with spaces between them.
    const [first, second, ...values] = flag.includes(WORD_END) ? flag.split(WORD_END) : splitWords(flag);
    const [packet, name] = [first.toLowerCase(), second?.toLowerCase()];
    if (!isPacketName(packet)) throw usage(`-D ${packet}: no packet with properties${suggest(packet, Object.keys(PROPERTIES))}`);
    if (name === undefined || !PROPERTIES[packet].includes(name))
      throw usage(`-D ${packet} ${name ?? ''}: ${packet} has no such property${suggest(name ?? '', PROPERTIES[packet])}`);
    if (values.length !== wordsOfValue(name))
      throw usage(`-D ${packet} ${name} takes ${name === 'user-property' ? 'a name and a value' : 'one value'}`);
    if (NOT_SENT.has(`${packet} ${name}`)) throw usage(`-D ${packet} ${name}: this client cannot send it`);
    const target = packets[packet];
    if (KINDS[name] === 'pair') target.userProperties.push([values[0], values[1]]);
    else target[camelCase(name)] = readPropertyValue(`-D ${packet} ${name}`, KINDS[name], values[0]);
  }
  return packets;
}

/** How many words follow the name of a property: the value, or name and value of a user property. */
export function wordsOfValue(name: string): number {
  return name.toLowerCase() === 'user-property' ? 2 : 1;
}

/** The last word of a value may hold spaces. */
function splitWords(flag: string): string[] {
  const words = flag.trim().split(/\s+/);
  const count = 2 + wordsOfValue(words[1] ?? '');
  return words.length <= count ? words : [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}

function readPropertyValue(flag: string, kind: Kind, value: string): string | number | Buffer {
  if (kind === 'text' || kind === 'pair') return value;
  if (kind === 'data') return Buffer.from(value);
  return readNumber(flag, value, { min: 0, max: MAX[kind] })!;
}

function isPacketName(name: string): name is PacketName {
  return Object.hasOwn(PROPERTIES, name);
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function suggest(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? `; there are ${known.join(', ')}` : `; did you mean ${near}?`;
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
