import type { Tool } from './run-tool.ts';

/** How many words a flag takes: `-D` has a packet, a name and a value. */
export type Words = 0 | 1 | 'property';

/** A flag of mosquitto_pub, mosquitto_sub and mosquitto_rr 2.0: who has it, and what it takes. */
export interface MosquittoFlag {
  readonly names: readonly string[];
  readonly words: Words;
  readonly tools: readonly Tool[];
}

const all: readonly Tool[] = ['pub', 'sub', 'rr'];
const asking: readonly Tool[] = ['pub', 'rr'];
const printing: readonly Tool[] = ['sub', 'rr'];
const pub: readonly Tool[] = ['pub'];
const sub: readonly Tool[] = ['sub'];

const flag = (names: string, words: Words, tools: readonly Tool[]): MosquittoFlag => ({ names: names.split(' '), words, tools });

export const MOSQUITTO_FLAGS: readonly MosquittoFlag[] = [
  flag('-A', 1, all),
  flag('-c --disable-clean-session', 0, all),
  flag('--cafile', 1, all),
  flag('--capath', 1, all),
  flag('--cert', 1, all),
  flag('--ciphers', 1, all),
  flag('-d --debug', 0, all),
  flag('-D --property', 'property', all),
  flag('--help', 0, all),
  flag('-h --host', 1, all),
  flag('-i --id', 1, all),
  flag('-I --id-prefix', 1, all),
  flag('--insecure', 0, all),
  flag('-k --keepalive', 1, all),
  flag('--key', 1, all),
  flag('--keyform', 1, all),
  flag('-L --url', 1, all),
  flag('-M', 1, all),
  flag('--nodelay', 0, all),
  flag('-p --port', 1, all),
  flag('-P --pw', 1, all),
  flag('--proxy', 1, all),
  flag('--psk', 1, all),
  flag('--psk-identity', 1, all),
  flag('-q --qos', 1, all),
  flag('--quiet', 0, all),
  flag('-S', 0, all),
  flag('-t --topic', 1, all),
  flag('--tls-alpn', 1, all),
  flag('--tls-engine', 1, all),
  flag('--tls-engine-kpass-sha1', 1, all),
  flag('--tls-use-os-certs', 0, all),
  flag('--tls-version', 1, all),
  flag('-u --username', 1, all),
  flag('--unix', 1, all),
  flag('-V --protocol-version', 1, all),
  flag('--version', 0, all),
  flag('--will-payload', 1, all),
  flag('--will-qos', 1, all),
  flag('--will-retain', 0, all),
  flag('--will-topic', 1, all),
  flag('-x', 1, all),
  flag('-f --file', 1, asking),
  flag('-m --message', 1, asking),
  flag('-n --null-message', 0, asking),
  flag('-s --stdin-file', 0, asking),
  flag('-F', 1, printing),
  flag('-N', 0, printing),
  flag('--pretty', 0, printing),
  flag('-R', 0, printing),
  flag('-v --verbose', 0, printing),
  flag('-W', 1, printing),
  flag('-l --stdin-line', 0, pub),
  flag('-r --retain', 0, pub),
  flag('--repeat', 1, pub),
  flag('--repeat-delay', 1, pub),
  flag('-C', 1, sub),
  flag('-E', 0, sub),
  flag('--random-filter', 1, sub),
  flag('--remove-retained', 0, sub),
  flag('--retain-as-published', 0, printing),
  flag('--retained-only', 0, sub),
  flag('-T --filter-out', 1, sub),
  flag('-U --unsubscribe', 1, sub),
  flag('-e', 1, ['rr']),
];
