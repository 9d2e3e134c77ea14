import { buffer } from 'node:stream/consumers';
import type { PublishOptions } from '@wrenmq/client';
import { readFlagFile } from '#connection/credentials.ts';
import type { Connection } from '#connection/connect-options.ts';
import { readNumber, readQoS } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { MessageFlags } from './message-flags.ts';

const EXPIRY_MAX = 0xffff_ffff;

/** The topic to publish to. */
export function readTopic(flags: MessageFlags, connection: Connection): string {
  const topic = flags.topic ?? connection.topic;
  if (topic === undefined) throw usage('say where to: -t');
  if (/[+#\0]/.test(topic) || topic === '') throw usage(`-t ${topic}: nothing can be published to a topic with + or #, or to none`);
  return topic;
}

/** The payload of one message; undefined when every line of standard input is one. */
export async function readPayload(flags: MessageFlags): Promise<Buffer | undefined> {
  const { message, file, stdinFile, nullMessage, stdinLine } = flags;
  const sources = [message, file, stdinFile, nullMessage, stdinLine].filter((source) => source !== undefined);
  if (sources.length === 0) throw usage('say what to publish: -m, -f, -s, -n, or -l for lines');
  if (sources.length > 1) throw usage('only one of -m, -f, -s, -n and -l at a time');
  if (message !== undefined) return Buffer.from(message);
  if (file !== undefined) return readFlagFile('-f', file);
  if (stdinFile === true) return readInput();
  return nullMessage === true ? Buffer.alloc(0) : undefined;
}

/** What a failed program before us leaves must not clear a retained message: empty input is no message. */
async function readInput(): Promise<Buffer> {
  const input = await buffer(process.stdin);
  if (input.length === 0) throw new CommandError('wrenmq: standard input is empty; -n publishes an empty payload');
  return input;
}

/** How it is published. */
export function publishOptions(flags: MessageFlags, { properties: { publish } }: Connection): PublishOptions {
  const expiry = readNumber('--expiry', flags.expiry, { min: 0, max: EXPIRY_MAX }) ?? publish.messageExpiryInterval;
  const contentType = flags.contentType ?? publish.contentType;
  const responseTopic = flags.responseTopic ?? publish.responseTopic;
  const correlationData = flags.correlation === undefined ? publish.correlationData : Buffer.from(flags.correlation);
  const userProperties = [...publish.userProperties, ...(flags.userProperty ?? []).map(readUserProperty)];
  return {
    qos: readQoS('--qos', flags.qos) ?? 0,
    retain: flags.retain === true,
    ...(expiry === undefined ? {} : { expiry }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(userProperties.length === 0 ? {} : { userProperties }),
  };
}

function readUserProperty(text: string): [string, string] {
  const end = text.indexOf('=');
  if (end < 0) throw usage(`--user-property ${text}: must be name=value`);
  return [text.slice(0, end), text.slice(end + 1)];
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: ${message}`, ExitCode.Usage);
}
