import type { Message, MqttClient, PublishOptions } from '@wrenmq/client';
import { openClient } from '#client/open-client.ts';
import { runClientCommand } from '#client/run-client-command.ts';
import { connectOptions } from '#connection/connect-options.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { readNumber } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { MessageFlags } from '#message/message-flags.ts';
import type { PrintFlags } from '#message/print-flags.ts';
import { publishOptions, readPayload, readTopic } from '#message/read-message.ts';
import { messagePrinter } from '#output/message-printer.ts';
import { Output } from '#output/output.ts';

interface RrFlags extends ConnectionFlags, MessageFlags, PrintFlags {
  readonly timeout?: string;
  readonly retainAsPublished?: true;
  /** False: -R. */
  readonly retained?: boolean;
}

interface Question {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly options: PublishOptions;
  readonly responseTopic: string | undefined;
  readonly isRetainedSkipped: boolean;
  readonly retainAsPublished: boolean;
  /** Aborted when the time is over, or by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** As long as a timer can wait. */
const TIMEOUT_MAX_MS = 2_147_483_647;

/** `wrenmq rr` */
export function rr(flags: RrFlags): Promise<void> {
  return runClientCommand(flags, async ({ signal, connected }) => {
    const connection = await connectOptions(flags);
    const print = messagePrinter(flags, (topic) => void process.stderr.write(`wrenmq: the answer on ${topic} is no JSON\n`));
    const seconds = readNumber('--timeout', flags.timeout, { min: 1, max: Math.floor(TIMEOUT_MAX_MS / 1000) });
    const topic = readTopic(flags, connection);
    const bytes = (await readPayload(flags))!;
    const client = await openClient(connection, { isPersistent: false, signal });
    connected();
    const timeout = seconds === undefined ? undefined : AbortSignal.timeout(seconds * 1000);
    const output = new Output();
    try {
      const answer = await ask(client, {
        topic,
        payload: connection.properties.publish.payloadFormatIndicator === 1 ? bytes.toString('utf8') : bytes,
        options: publishOptions(flags, connection),
        responseTopic: flags.responseTopic,
        isRetainedSkipped: flags.retained === false,
        retainAsPublished: flags.retainAsPublished === true,
        signal: timeout === undefined ? signal : AbortSignal.any([signal, timeout]),
      });
      print(answer, output);
      await output.flush();
    } catch (error) {
      if (timeout?.aborted !== true) throw error;
      throw new CommandError(flags.quiet === true ? '' : `wrenmq: no answer within ${seconds} s`, ExitCode.TimedOut);
    } finally {
      await client.close();
    }
  });
}

async function ask(client: MqttClient, question: Question): Promise<Message> {
  const { topic, payload, options, responseTopic, signal } = question;
  if (responseTopic !== undefined) return askThere(client, question, responseTopic);
  if (client.protocolVersion < 5)
    throw new CommandError('wrenmq: without MQTT 5 the answer needs a topic that both sides know: -e', ExitCode.Usage);
  return client.request(topic, payload, { ...options, signal, timeout: TIMEOUT_MAX_MS });
}

/** The answer is expected on a topic that the user has named; whatever comes there first is it. */
async function askThere(client: MqttClient, question: Question, responseTopic: string): Promise<Message> {
  const { topic, payload, options, isRetainedSkipped, retainAsPublished, signal } = question;
  const subscription = await client.subscribe(responseTopic, { qos: options.qos ?? 0, retainAsPublished, signal });
  const { noSubscribers } = await client.publish(topic, payload, { ...options, responseTopic, signal });
  if (noSubscribers) throw new CommandError(`wrenmq: nobody subscribes to ${topic}: there is no one to answer`, ExitCode.Denied);
  // Not a loop: leaving one would unsubscribe, and the session may be one that is kept.
  const messages = subscription[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await messages.next();
    if (done === true) throw signal.reason;
    if (!value.retain || !isRetainedSkipped) return value;
  }
}
