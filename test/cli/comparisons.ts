import type { PublishOptions } from '@wrenmq/testkit';
import type { Tool } from './run-tool.ts';

/** A run of mosquitto's tool and of ours that must send and print the same. */
export interface Comparison {
  readonly tool: Tool;
  readonly args: readonly string[];
  readonly input?: string;
  /** Stands in the broker before. */
  readonly retained?: readonly PublishOptions[];
  /** Published as soon as the subscription stands. */
  readonly messages?: readonly PublishOptions[];
  /** Of the packets compare these only. */
  readonly only?: readonly string[];
  /** Where ours does something else on purpose: why. */
  readonly unlike?: string;
}

const words = (text: string): string[] => text.split(' ');
const user = (packet: string) => ['-D', packet, 'user-property', 'name', 'value'];
const message = ['-t', 'cli/a', '-m', 'hello'];
const subscribe = ['-t', 'cli/#', '-C', '1'];
const one: readonly PublishOptions[] = [{ topic: 'cli/a', payload: 'hello', qos: 1 }];
const rich: readonly PublishOptions[] = [
  {
    topic: 'cli/a',
    payload: '{"b": [1, "ü"]}',
    qos: 1,
    properties: {
      contentType: 'application/json',
      responseTopic: 'cli/answer',
      correlationData: Buffer.from('seven'),
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
      messageExpiryInterval: 3600,
      payloadFormatIndicator: 1,
    },
  },
];
/** With one property: their order is the broker's. */
const plain: readonly PublishOptions[] = [
  { topic: 'cli/a', payload: '{"b": [1, {"c": {}}]}', qos: 1, properties: { contentType: 'application/json' } },
];
const kept: readonly PublishOptions[] = [
  { topic: 'cli/kept/1', payload: 'one', retain: true, qos: 1 },
  { topic: 'cli/kept/2', payload: 'two', retain: true, qos: 1 },
];
const empty: readonly PublishOptions[] = [
  { topic: 'cli/a', payload: '', qos: 1 },
  { topic: 'cli/b', payload: 'x', qos: 1 },
];
const five = ['-V', '5'];

const PUB: readonly Comparison[] = [
  { tool: 'pub', args: message },
  { tool: 'pub', args: ['--topic', 'cli/a', '--message', '-5'] },
  { tool: 'pub', args: [...message, '-q', '1', '-r'] },
  { tool: 'pub', args: [...message, '--qos', '2', '--retain'] },
  { tool: 'pub', args: ['-t', 'cli/a', '-n', '-r'] },
  { tool: 'pub', args: ['-t', 'cli/a', '--null-message'] },
  { tool: 'pub', args: ['-t', 'cli/a', '-s'], input: 'first\nsecond\n' },
  { tool: 'pub', args: ['-t', 'cli/a', '--stdin-file', '-q', '1'], input: '' },
  { tool: 'pub', args: ['-t', 'cli/a', '-l'], input: 'first\n\nthird\nlast without end' },
  { tool: 'pub', args: ['-t', 'cli/a', '--stdin-line', '-q', '2'], input: 'a\r\nb\n' },
  { tool: 'pub', args: ['-t', 'cli/a', '-f', 'FILE'] },
  { tool: 'pub', args: ['-t', 'cli/a', '--file', 'FILE', '-q', '1'] },
  { tool: 'pub', args: [...message, '--repeat', '3'] },
  { tool: 'pub', args: [...message, '--repeat', '2', '--repeat-delay', '0.05', '-q', '1'] },
  { tool: 'pub', args: [...message, '-i', 'cli-named', '-k', '17', '-u', 'user', '-P', '-secret'] },
  { tool: 'pub', args: [...message, '--id', 'cli-named', '--keepalive', '17', '--username', 'user', '--pw', 'secret'] },
  { tool: 'pub', args: [...message, '-I', 'cli-prefix-'] },
  { tool: 'pub', args: [...message, '--id-prefix', 'cli-prefix-', '-V', 'mqttv5'] },
  { tool: 'pub', args: [...message, '-i', 'cli-kept', '-c'] },
  { tool: 'pub', args: [...message, ...five, '-i', 'cli-kept', '-c'] },
  { tool: 'pub', args: [...message, ...five, '-i', 'cli-kept', '--disable-clean-session', '-x', '60'] },
  { tool: 'pub', args: [...message, ...five, '-i', 'cli-kept', '-x', '-1'] },
  { tool: 'pub', args: [...message, '--will-topic', 'cli/will', '--will-payload', 'gone', '--will-qos', '1', '--will-retain'] },
  { tool: 'pub', args: [...message, '--will-topic', 'cli/will'] },
  { tool: 'pub', args: [...message, ...five, '-M', '5', '--nodelay', '-A', '127.0.0.1', '--quiet'] },
  { tool: 'pub', args: [...message, ...five, ...user('connect'), ...user('publish')] },
  {
    tool: 'pub',
    args: [
      ...message,
      ...five,
      ...words('-q 1'),
      ...words('-D publish content-type text/plain -D publish correlation-data data'),
      ...words('--property publish message-expiry-interval 60 --property publish payload-format-indicator 1'),
      ...words('-D PUBLISH response-topic cli/answer'),
    ],
  },
  { tool: 'pub', args: [...message, ...five, '-D', 'connect', 'receive-maximum', '5', '-D', 'connect', 'maximum-packet-size', '10000'] },
  { tool: 'pub', args: [...message, ...five, '-i', 'cli-e', '-x', '9', '-D', 'disconnect', 'session-expiry-interval', '60'] },
  {
    tool: 'pub',
    args: [
      ...message,
      ...five,
      ...words('--will-topic cli/will'),
      ...user('will'),
      ...words('-D will will-delay-interval 3 -D will content-type text/plain -D will correlation-data x'),
      ...words('-D will message-expiry-interval 60 -D will response-topic cli/answer'),
    ],
  },
];

const SUB: readonly Comparison[] = [
  { tool: 'sub', args: subscribe, messages: one },
  { tool: 'sub', args: ['--topic', 'cli/+', '-t', 'cli/other/#', '-q', '1', '-C', '1', '-v'], messages: one },
  { tool: 'sub', args: ['-t', 'cli/#', '--qos', '2', '-C', '2', '--verbose'], messages: empty },
  { tool: 'sub', args: ['-t', 'cli/#', '-q', '1', '-C', '2'], messages: empty },
  { tool: 'sub', args: ['-t', 'cli/#', '-q', '1', '-C', '2', '-v', '-N'], messages: empty },
  { tool: 'sub', args: [...subscribe, '-N'], messages: one },
  { tool: 'sub', args: [...subscribe, ...five], messages: one },
  { tool: 'sub', args: ['-t', 'cli/#', '-E', ...five, '-q', '1'] },
  { tool: 'sub', args: ['-t', 'cli/#', '-E', '-i', 'cli-kept', '-c', '-q', '1'] },
  { tool: 'sub', args: ['-t', 'cli/kept/#', '-C', '2', '-v', '-F', '%r %t %p'], retained: kept },
  { tool: 'sub', args: ['-t', 'cli/#', '-C', '1', '-R', '-v'], retained: kept, messages: one },
  { tool: 'sub', args: ['-t', 'cli/#', '--retained-only', '-v'], retained: kept, messages: one },
  { tool: 'sub', args: ['-t', 'cli/#', '--remove-retained', '-W', '1', '-v', '-T', 'cli/kept/2'], retained: kept },
  {
    tool: 'sub',
    args: ['-t', 'cli/#', '-C', '1', '-R', '--remove-retained'],
    retained: kept,
    messages: one,
    unlike: '-R does not keep ours from clearing, as the manual of mosquitto_sub has it',
  },
  { tool: 'sub', args: ['-t', 'cli/#', '-C', '1', '--filter-out', 'cli/kept/+', '-v'], retained: kept, messages: one },
  {
    tool: 'sub',
    args: ['-t', 'cli/#', '-C', '1', '--retain-as-published', ...five, '-F', '%r'],
    messages: [{ topic: 'cli/kept/1', payload: 'x', retain: true, qos: 1 }],
  },
  { tool: 'sub', args: ['-t', 'cli/#', '-W', '1'] },
  { tool: 'sub', args: ['-t', 'cli/#', '-W', '1', '-v'], messages: one },
  { tool: 'sub', args: ['-t', 'cli/x', '-i', 'cli-u', '-c', '-U', 'cli/old', '-W', '1'], only: ['UNSUBSCRIBE'] },
  { tool: 'sub', args: [...subscribe, ...five, ...user('connect'), '-q', '1', '-F', '%t|%C|%R|%D|%F|%P|%l|%q|%r|%m'], messages: rich },
  {
    tool: 'sub',
    args: [...subscribe, ...five, '-q', '1', '-D', 'subscribe', 'subscription-identifier', '7', '-F', '%S|%3S|%05S'],
    messages: rich,
  },
  { tool: 'sub', args: [...subscribe, '-F', '%5t|%-12t|%.2t|%8p|%-8p|%08p|%3p|%x|%X|%5l|%05l|%%|@@|\\\\|\\t|\\e'], messages: one },
  { tool: 'sub', args: [...subscribe, ...five, '-q', '1', '-F', '%j'], messages: rich },
  { tool: 'sub', args: [...subscribe, ...five, '-q', '1', '-F', '%J'], messages: rich },
  { tool: 'sub', args: [...subscribe, ...five, '-q', '1', '-F', '%j', '--pretty'], messages: plain },
  { tool: 'sub', args: [...subscribe, ...five, '-q', '1', '-F', '%J', '--pretty'], messages: plain },
  { tool: 'sub', args: [...subscribe, '-F', '@Y-@m-@d @a @b'], messages: one },
];

/** mosquitto_rr sometimes leaves without a DISCONNECT. */
const rr = { tool: 'rr', only: ['CONNECT', 'SUBSCRIBE', 'PUBLISH'] } as const;
const RR: readonly Comparison[] = [
  { ...rr, args: ['-t', 'cli/ask', '-e', 'cli/answer', '-m', 'question'] },
  { ...rr, args: ['-t', 'cli/ask', '-e', 'cli/answer', '-m', 'question', '-q', '1', '-v'] },
  { ...rr, args: ['-t', 'cli/ask', '-e', 'cli/answer', '-n', '-F', '%t %p %q'] },
  {
    ...rr,
    args: ['-t', 'cli/ask', '-e', 'cli/answer', '-s', '-N'],
    input: 'from input',
    unlike: 'mosquitto_rr 2.0.11 sends nothing of it',
  },
  { ...rr, args: ['-t', 'cli/ask', '-e', 'cli/answer', '-f', 'FILE', '-V', '311'], unlike: 'mosquitto_rr 2.0.11 sends nothing of it' },
  { ...rr, args: ['-t', 'cli/ask', '-e', 'cli/answer', '-m', 'x', '-D', 'publish', 'correlation-data', 'abc', ...user('publish')] },
  { ...rr, args: ['-t', 'cli/nobody', '-e', 'cli/answer', '-m', 'x', '-W', '1', '-V', '311'] },
];

export const COMPARISONS: readonly Comparison[] = [...PUB, ...SUB, ...RR];
