import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient, PublishOptions, PublishResult } from '@wrenmq/client';
import { debugLog, openClient } from '#client/open-client.ts';
import { runClientCommand, type Steps } from '#client/run-client-command.ts';
import { type Connection, connectOptions } from '#connection/connect-options.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { readNumber } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { MessageFlags } from '#message/message-flags.ts';
import { publishOptions, readPayload, readTopic } from '#message/read-message.ts';
import { type PayloadComposer, payloadComposer } from '#payload/payload-composer.ts';
import { PublishWindow } from './publish-window.ts';
import { readLines } from './read-lines.ts';

interface PubFlags extends ConnectionFlags, MessageFlags {
  readonly repeat?: string;
  readonly repeatDelay?: string;
  readonly rate?: string;
  readonly json?: true;
}

/** What is published: `given` so many times, or the lines of standard input. */
interface Work {
  readonly topic: string;
  readonly given: Buffer | undefined;
  readonly compose: PayloadComposer;
  readonly options: PublishOptions;
  readonly count: number;
  readonly delayMs: number;
  /** Messages per millisecond at most. */
  readonly rate: number;
}

const COUNT_MAX = 2 ** 31 - 1;
const DELAY_MAX_S = 86_400 * 365;

/** `wrenmq pub` */
export function pub(flags: PubFlags): Promise<void> {
  return runClientCommand(flags, async (steps) => {
    const connection = await connectOptions(flags);
    const work = await readWork(flags, connection);
    const client = await openClient(connection, {
      isPersistent: work.given === undefined || work.count === Infinity,
      signal: steps.signal,
    });
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
  const rate = flags.rate === undefined ? undefined : readRate(flags.rate);
  const topic = readTopic(flags, connection);
  const given = await readPayload(flags);
  if (given === undefined && (count !== undefined || delay !== undefined))
    throw new CommandError('wrenmq: --repeat is for one message, not for the lines of -l', ExitCode.Usage);
  if (rate !== undefined && delay !== undefined)
    throw new CommandError('wrenmq: --rate and --repeat-delay say the same in two ways: use one', ExitCode.Usage);
  const compose = await payloadComposer(flags, connection);
  // What is wrong with it is said before anything is sent.
  if (given !== undefined) compose(given, 1);
  return {
    topic,
    given,
    compose,
    options: publishOptions(flags, connection),
    count: count ?? (rate === undefined ? 1 : Infinity),
    delayMs: (delay ?? 0) * 1000,
    rate: rate ?? Infinity,
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Messages per millisecond. */
function readRate(text: string): number {
  const [, count, unit = 's'] = /^(.*?)(?:\/([smh]))?$/.exec(text)!;
  return readNumber('--rate', count, { min: 1e-3, max: 1e6, fraction: true })! / UNIT_MS[unit];
}

type Report = (result: PublishResult) => void;

async function publishAll(client: MqttClient, work: Work, report: Report, { signal }: Steps): Promise<void> {
  const { topic, given, compose, options, rate } = work;
  const window = new PublishWindow(report);
  const startMs = performance.now();
  let order = 0;
  const publish = async (bytes: Buffer): Promise<void> => {
    // Each has its time, so that one that is late does not put off the others.
    const waitMs = startMs + order / rate - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    order += 1;
    await window.add(client.publish(topic, compose(bytes, order), { ...options, signal }));
  };
  if (given === undefined) {
    for await (const lines of readLines(process.stdin, signal)) for (const line of lines) await publish(line);
  } else {
    for (let i = 0; i < work.count; i += 1) {
      await publish(given);
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
