import type { Message, MqttClient, PublishOptions } from '@wrenmq/client';
import { openClient } from '#client/open-client.ts';
import { runClientCommand } from '#client/run-client-command.ts';
import { type Connection, connectOptions } from '#connection/connect-options.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { readNumber } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { MessageFlags } from '#message/message-flags.ts';
import type { PrintFlags } from '#message/print-flags.ts';
import { publishOptions, readPayload, readTopic } from '#message/read-message.ts';
import { messagePrinter } from '#output/message-printer.ts';
import { Output } from '#output/output.ts';
import { type PayloadComposer, payloadComposer } from '#payload/payload-composer.ts';
import { payloadTransform } from '#payload/payload-transform.ts';
import { pingStatistics } from '#ping/ping-statistics.ts';

interface RrFlags extends ConnectionFlags, MessageFlags, PrintFlags {
  readonly timeout?: string;
  readonly count?: string;
  readonly latency?: true;
  readonly retainAsPublished?: true;
  /** False: -R. */
  readonly retained?: boolean;
}

interface Question {
  readonly topic: string;
  readonly given: Buffer;
  readonly compose: PayloadComposer;
  readonly options: PublishOptions;
  readonly responseTopic: string | undefined;
  readonly isRetainedSkipped: boolean;
  readonly retainAsPublished: boolean;
  readonly count: number;
  /** For each answer. */
  readonly seconds: number | undefined;
}

/** What is done with an answer and the time it took. */
type Take = (answer: Message, latencyMs: number) => void;

/** As long as a timer can wait. */
const TIMEOUT_MAX_MS = 2_147_483_647;

/** `wrenmq rr` */
export function rr(flags: RrFlags): Promise<void> {
  return runClientCommand(flags, async ({ signal, connected }) => {
    const connection = await connectOptions(flags);
    const question = await readQuestion(flags, connection);
    const output = new Output();
    const { take, end } = await answerPrinter(flags, output);
    const client = await openClient(connection, { isPersistent: false, signal });
    connected();
    try {
      await askAll(client, question, take, signal);
    } catch (error) {
      if (!(error instanceof Error && error.name === 'TimeoutError')) throw error;
      throw new CommandError(flags.quiet === true ? '' : `wrenmq: no answer within ${question.seconds} s`, ExitCode.TimedOut);
    } finally {
      end();
      await client.close();
      await output.flush();
    }
  });
}

async function readQuestion(flags: RrFlags, connection: Connection): Promise<Question> {
  const topic = readTopic(flags, connection);
  const given = (await readPayload(flags))!;
  const compose = await payloadComposer(flags, connection);
  compose(given, 1);
  return {
    topic,
    given,
    compose,
    options: publishOptions(flags, connection),
    responseTopic: flags.responseTopic,
    isRetainedSkipped: flags.retained === false,
    retainAsPublished: flags.retainAsPublished === true,
    count: readNumber('--count', flags.count, { min: 1, max: 1e9 }) ?? 1,
    seconds: readNumber('--timeout', flags.timeout, { min: 1, max: Math.floor(TIMEOUT_MAX_MS / 1000) }),
  };
}

/** The answers as the flags want them printed; with --latency how long each took, and statistics when there were several. */
async function answerPrinter(flags: RrFlags, output: Output): Promise<{ readonly take: Take; readonly end: () => void }> {
  const complain = (what: string): void => void process.stderr.write(`wrenmq: ${what}\n`);
  const print = messagePrinter(flags, (topic) => complain(`the answer on ${topic} is no JSON`));
  const transform = await payloadTransform(flags, complain);
  if (flags.latency !== true) {
    const take: Take = (answer) => {
      const shown = transform(answer);
      if (shown !== undefined) print(shown, output);
    };
    return { take, end: () => {} };
  }
  const times: number[] = [];
  const take: Take = (_answer, latencyMs) => {
    times.push(latencyMs);
    output.put(flags.json === true ? `${JSON.stringify({ latencyMs: toMicroseconds(latencyMs) })}\n` : `${latencyMs.toFixed(3)} ms\n`);
  };
  const end = (): void => {
    if (times.length < 2) return;
    const statistics = pingStatistics(times);
    const { answered, minMs, meanMs, p50Ms, p99Ms, maxMs } = statistics;
    const line = `${answered} answers: min ${minMs} ms, mean ${meanMs} ms, p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms`;
    output.put(`${flags.json === true ? JSON.stringify(statistics) : line}\n`);
  };
  return { take, end };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** One question after the other: each waits for the answer to the one before. */
async function askAll(client: MqttClient, question: Question, take: Take, interrupted: AbortSignal): Promise<void> {
  const ask = await openQuestion(client, question, interrupted);
  for (let order = 1; order <= question.count; order += 1) {
    const timeout = question.seconds === undefined ? undefined : AbortSignal.timeout(question.seconds * 1000);
    const signal = timeout === undefined ? interrupted : AbortSignal.any([interrupted, timeout]);
    const payload = question.compose(question.given, order);
    const startedAt = performance.now();
    const answer = await ask(payload, signal).catch((error: unknown) => {
      throw timeout?.aborted === true ? timeout.reason : error;
    });
    take(answer, performance.now() - startedAt);
  }
}

type Ask = (payload: Uint8Array | string, signal: AbortSignal) => Promise<Message>;

async function openQuestion(client: MqttClient, question: Question, signal: AbortSignal): Promise<Ask> {
  const { topic, options, responseTopic } = question;
  if (responseTopic !== undefined) return openThere(client, question, responseTopic, signal);
  if (client.protocolVersion < 5)
    throw new CommandError('wrenmq: without MQTT 5 the answer needs a topic that both sides know: -e', ExitCode.Usage);
  return (payload, until) => client.request(topic, payload, { ...options, signal: until, timeout: TIMEOUT_MAX_MS });
}

/** The answer is expected on a topic that the user has named; whatever comes there next is it. */
async function openThere(client: MqttClient, question: Question, responseTopic: string, opening: AbortSignal): Promise<Ask> {
  const { topic, options, isRetainedSkipped, retainAsPublished, seconds } = question;
  const timeout = seconds === undefined ? opening : AbortSignal.any([opening, AbortSignal.timeout(seconds * 1000)]);
  const subscription = await untilAborted(client.subscribe(responseTopic, { qos: options.qos ?? 0, retainAsPublished }), timeout);
  // Not a loop: leaving one would unsubscribe, and the session may be one that is kept.
  const messages = subscription[Symbol.asyncIterator]();
  return async (payload, signal) => {
    const { noSubscribers } = await client.publish(topic, payload, { ...options, responseTopic, signal });
    if (noSubscribers) throw new CommandError(`wrenmq: nobody subscribes to ${topic}: there is no one to answer`, ExitCode.Denied);
    for (;;) {
      const next = await untilAborted(messages.next(), signal);
      if (next.done === true) throw new CommandError('wrenmq: the connection was lost before the answer came');
      if (!next.value.retain || !isRetainedSkipped) return next.value;
    }
  };
}

/** Rejects with the signal's reason where that comes first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
