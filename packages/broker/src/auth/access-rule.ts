import { BlockList, isIP } from 'node:net';
import type { QoS } from '#message/message.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import type { Principal } from './client-identity.ts';

/** A rule as the configuration has it. The first rule that matches decides. */
export interface AccessRule {
  readonly permission: 'allow' | 'deny';
  readonly action: 'publish' | 'subscribe' | 'all';
  /** Topic filters; `%c` (`${clientid}`) and `%u` (`${username}`) stand for whole levels. */
  readonly topics: readonly string[];
  /** Absent: everybody. */
  readonly who?: RuleSubject;
  /** Only for this QoS: the message's when publishing, the requested one when subscribing. */
  readonly qos?: readonly QoS[];
  /** Only for messages with (or without) RETAIN; for rules about `publish`. */
  readonly retain?: boolean;
}

/** Whom a rule is about: all that is said must hold; of a list, one. Names are compared exactly. */
export interface RuleSubject {
  readonly username?: string | readonly string[];
  readonly clientId?: string | readonly string[];
  /** IP addresses and networks: `10.0.0.0/8`, `fd00::/8`. A client on a Unix socket has no address. */
  readonly address?: string | readonly string[];
  /** `tcp.default` */
  readonly listener?: string | readonly string[];
  readonly anonymous?: boolean;
  /** Whether the listener is bound to loopback. */
  readonly loopback?: boolean;
}

export interface RuleProblem {
  /** Where in the list: `[3].topics[0]`. */
  readonly path: string;
  readonly message: string;
}

/** What stands for a level that is only known when a client comes. */
type Level = string | { readonly placeholder: 'clientId' | 'username' };

/** Which rule it is. */
export interface RuleName {
  /** In the list, from 0. */
  readonly place: number;
  /** What it says, in short: `deny publish a/#`. */
  readonly text: string;
}

/** A rule that was checked. */
export interface CompiledRule {
  readonly name: RuleName;
  readonly isAllow: boolean;
  readonly isForPublish: boolean;
  readonly isForSubscribe: boolean;
  readonly topics: readonly (readonly Level[])[];
  /** Bit n: the rule is about QoS n. */
  readonly qosMask: number;
  /** Null: with RETAIN or without. */
  readonly retain: boolean | null;
  readonly isAbout: (principal: Principal) => boolean;
}

export const EVERY_QOS = 0b111;

const placeholders: ReadonlyMap<string, 'clientId' | 'username'> = new Map([
  ['%c', 'clientId'],
  ['${clientid}', 'clientId'],
  ['%u', 'username'],
  ['${username}', 'username'],
]);

/** Checks rules and collects everything that is wrong; with a problem, none of them must be used. */
export function compileRules(rules: readonly AccessRule[]): { rules: CompiledRule[]; problems: RuleProblem[] } {
  const problems: RuleProblem[] = [];
  const compiled = rules.map((rule, place) => {
    return compileRule(rule, place, (path, message) => problems.push({ path: `[${place}]${path}`, message }));
  });
  return { rules: compiled, problems };
}

type Report = (path: string, message: string) => void;

function compileRule(rule: AccessRule, place: number, report: Report): CompiledRule {
  if (rule.permission !== 'allow' && rule.permission !== 'deny') report('.permission', 'must be allow or deny');
  if (!['publish', 'subscribe', 'all'].includes(rule.action)) report('.action', 'must be publish, subscribe or all');
  if (rule.topics.length === 0) report('.topics', 'is empty: the rule would match nothing');
  if (rule.retain !== undefined && rule.action !== 'publish') report('.retain', 'belongs to rules whose action is publish');
  return {
    name: { place, text: `${rule.permission} ${rule.action} ${rule.topics.join(' ')}` },
    isAllow: rule.permission === 'allow',
    isForPublish: rule.action !== 'subscribe',
    isForSubscribe: rule.action !== 'publish',
    topics: rule.topics.map((topic, index) => compileTopic(topic, (message) => report(`.topics[${index}]`, message))),
    qosMask: compileQos(rule.qos, report),
    retain: rule.retain ?? null,
    isAbout: compileSubject(rule.who ?? {}, report),
  };
}

function compileQos(qos: readonly QoS[] | undefined, report: Report): number {
  if (qos === undefined) return EVERY_QOS;
  if (qos.length === 0 || !qos.every((value) => value === 0 || value === 1 || value === 2)) report('.qos', 'must name 0, 1 or 2');
  return qos.reduce<number>((mask, value) => mask | (1 << value), 0);
}

function compileTopic(topic: string, report: (message: string) => void): Level[] {
  const parsed = parseTopicFilter(topic, Infinity);
  if (typeof parsed === 'string') report(`the filter ${parsed}`);
  else if (parsed.group !== null) report('rules see the filter inside $share/<group>/: write that alone');
  return topic.split('/').map((level) => {
    const placeholder = placeholders.get(level);
    if (placeholder !== undefined) return { placeholder };
    // A name inside a level could be completed into somebody else's.
    if (/%[cu]|\$\{/.test(level)) report('a placeholder (%c, %u, ${clientid}, ${username}) must be a whole level');
    return level;
  });
}

function compileSubject(who: RuleSubject, report: Report): CompiledRule['isAbout'] {
  const usernames = compileNames(who.username, '.who.username', report);
  const clientIds = compileNames(who.clientId, '.who.clientId', report);
  const listeners = compileNames(who.listener, '.who.listener', report);
  const addresses = compileNames(who.address, '.who.address', report);
  const networks = addresses === null ? null : compileNetworks(addresses, report);
  const { anonymous, loopback } = who;
  return (principal) =>
    (usernames === null || (principal.username !== null && usernames.has(principal.username))) &&
    (clientIds === null || clientIds.has(principal.clientId)) &&
    (listeners === null || listeners.has(principal.listener)) &&
    (networks === null || isIn(networks, principal.peerAddress)) &&
    (anonymous === undefined || anonymous === principal.isAnonymous) &&
    (loopback === undefined || loopback === principal.isLoopbackListener);
}

function compileNames(names: string | readonly string[] | undefined, path: string, report: Report): ReadonlySet<string> | null {
  if (names === undefined) return null;
  const set = new Set<string>(typeof names === 'string' ? [names] : names);
  if (set.size === 0 || set.has('')) report(path, 'is empty: the rule would match nobody');
  return set;
}

function compileNetworks(addresses: ReadonlySet<string>, report: Report): BlockList {
  const networks = new BlockList();
  for (const text of addresses) {
    const [address, prefix, ...rest] = text.split('/');
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const length = prefix === undefined ? bits : /^[0-9]{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    if (family === 0 || length > bits || rest.length > 0) report('.who.address', `${JSON.stringify(text)} is not an IP address or network`);
    else networks.addSubnet(address, length, familyName(family));
  }
  return networks;
}

function isIn(networks: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
  const family = isIP(plain);
  return family !== 0 && networks.check(plain, familyName(family));
}

function familyName(family: number): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}
