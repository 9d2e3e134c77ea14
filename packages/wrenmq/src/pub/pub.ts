import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient, Payload, PublishOptions, PublishResult } from '@wrenmq/client';
import { debugLog, openClient } from '#client/open-client.ts';
import { runClientCommand, type Steps } from '#client/run-client-command.ts';
import { type Connection, connectOptions } from '#connection/connect-options.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { readNumber } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { MessageFlags } from '#message/message-flags.ts';
import { publishOptions, readPayload, readTopic } from '#message/read-message.ts';
import { PublishWindow } from './publish-window.ts';
import { readLines } from './read-lines.ts';

interface PubFlags extends ConnectionFlags, MessageFlags {
  readonly repeat?: string;
  readonly repeatDelay?: string;
  readonly json?: true;
}

/** What is published: `payload` so many times, or the lines of standard input. */
interface Work {
  readonly topic: string;
  readonly payload: Payload | undefined;
  readonly options: PublishOptions;
  readonly count: number;
  readonly delayMs: number;
}

const COUNT_MAX = 2 ** 31 - 1;
const DELAY_MAX_S = 86_400 * 365;

/** `wrenmq pub` */
export function pub(flags: PubFlags): Promise<void> {
  return runClientCommand(flags, async (steps) => {
    const connection = await connectOptions(flags);
    const work = await readWork(flags, connection);
    const client = await openClient(connection, { isPersistent: work.payload === undefined, signal: steps.signal });
    steps.connected();
    try {
      await publishAll(client, work, reporter(flags, connection), steps);
    } finally {
      await client.close(closeOptions(connection));
    }
  });
}

async function readWork(flags: PubFlags, connection: Connection): Promise<Work> {
  const count = readNumber('--repeat', flags.repeat, { min: 1, max: COUNT_MAX });
  const delay = readNumber('--repeat-delay', flags.repeatDelay, { min: 0, max: DELAY_MAX_S, fraction: true });
  const topic = readTopic(flags, connection);
  const bytes = await readPayload(flags);
  if (bytes === undefined && (count !== undefined || delay !== undefined))
    throw new CommandError('wrenmq: --repeat is for one message, not for the lines of -l', ExitCode.Usage);
  return {
    topic,
    // A string travels with the payload format indicator.
    payload: connection.properties.publish.payloadFormatIndicator === 1 ? bytes?.toString('utf8') : bytes,
    options: publishOptions(flags, connection),
    count: count ?? 1,
    delayMs: (delay ?? 0) * 1000,
  };
}

type Report = (result: PublishResult) => void;

async function publishAll(client: MqttClient, work: Work, report: Report, { signal }: Steps): Promise<void> {
  const { topic, payload, options } = work;
  const window = new PublishWindow(report);
  const publish = (value: Payload): Promise<void> | undefined => window.add(client.publish(topic, value, { ...options, signal }));
  if (payload === undefined) {
    for await (const lines of readLines(process.stdin, signal)) for (const line of lines) await publish(line);
  } else {
    for (let i = 0; i < work.count; i += 1) {
      await publish(payload);
      if (work.delayMs > 0 && i + 1 < work.count) await sleep(work.delayMs, undefined, { signal });
    }
  }
  await window.settled();
}

/** With --json a line for each answer, with -d what is worth saying of it. */
function reporter(flags: PubFlags, connection: Connection): Report {
  const debug = debugLog(connection);
  return (result) => {
    if (flags.json === true) console.log(JSON.stringify(result));
    debug(result.noSubscribers ? 'published; nobody subscribes to the topic' : 'published');
  };
}

function closeOptions({ properties: { disconnect } }: Connection): { sessionExpiry?: number } {
  return disconnect.sessionExpiryInterval === undefined ? {} : { sessionExpiry: disconnect.sessionExpiryInterval };
}
