import type { MqttClient } from '@wrenmq/client';
import { debugLog, openClient } from '#client/open-client.ts';
import { runClientCommand, type Steps } from '#client/run-client-command.ts';
import { type Connection, connectOptions } from '#connection/connect-options.ts';
import { readNumber } from '#connection/read-value.ts';
import { ExitCode } from '#exit-code.ts';
import { messagePrinter } from '#output/message-printer.ts';
import { Output } from '#output/output.ts';
import { MessageFilter } from './message-filter.ts';
import { Reception } from './reception.ts';
import { readFilters, type SubFlags, subscribeOptions } from './sub-flags.ts';

const COUNT_MAX = 2 ** 31 - 1;
/** As long as a timer can wait. */
const TIMEOUT_MAX_S = 2_147_483;
/** With a smaller count, the broker is told to send no more than that at once: nothing comes that is not printed. */
const RECEIVE_MAXIMUM = 20;

/** `wrenmq sub` */
export function sub(flags: SubFlags): Promise<void> {
  return runClientCommand(flags, async (steps) => {
    const connection = await connectOptions(flags);
    const filters = readFilters(flags, connection);
    const output = new Output();
    const reception = new Reception(output, {
      print: messagePrinter(flags, (topic) => complain(flags, `the message on ${topic} is no JSON`)),
      filter: new MessageFilter(flags),
      count: readNumber('--count', flags.count, { min: 1, max: COUNT_MAX }) ?? Infinity,
      isRemoving: flags.removeRetained === true,
      subscriptionIdentifier: connection.properties.subscribe.subscriptionIdentifier,
    });
    if (flags.unsubscribe !== undefined) await (await import('./unsubscribe.ts')).unsubscribe(connection, flags.unsubscribe);
    if (filters.length === 0) return ExitCode.Success;
    const { count } = reception;
    const inbound = count < RECEIVE_MAXIMUM ? { receiveMaximum: count } : {};
    const client = await openClient(connection, { isPersistent: true, signal: steps.signal, inbound });
    steps.connected();
    try {
      return await receive(client, reception, { flags, connection, filters, steps });
    } finally {
      await client.close(closeOptions(connection));
      await output.flush();
    }
  });
}

interface Task {
  readonly flags: SubFlags;
  readonly connection: Connection;
  readonly filters: readonly string[];
  readonly steps: Steps;
}

async function receive(client: MqttClient, reception: Reception, { flags, connection, filters, steps }: Task): Promise<ExitCode> {
  const seconds = readNumber('--timeout', flags.timeout, { min: 1, max: TIMEOUT_MAX_S });
  const subscribing = client.subscribe([...filters], { ...subscribeOptions(flags), ack: 'manual' });
  let isTimedOut = false;
  // Not by the subscription's own signal: that would unsubscribe, and a session that is kept must keep it.
  const stop = (): unknown => client.close(closeOptions(connection));
  const timer = seconds === undefined ? undefined : setTimeout(() => ((isTimedOut = true), stop()), seconds * 1000);
  steps.signal.addEventListener('abort', stop);
  let isReaderGone = false;
  const end = (): void => {
    isReaderGone = true;
    stop();
  };
  reception.output.closed.then(end, end);
  try {
    const subscription = await subscribing;
    debugLog(connection)(`subscribed to ${filters.join(', ')}, granted QoS ${subscription.grantedQoS}`);
    if (flags.exitAfterSubscribe !== true) await reception.takeFrom(subscription, client);
  } catch (error) {
    if (!isTimedOut && !isReaderGone) throw error;
  } finally {
    clearTimeout(timer);
    steps.signal.removeEventListener('abort', stop);
  }
  return isTimedOut ? ExitCode.TimedOut : ExitCode.Success;
}

function complain(flags: SubFlags, what: string): void {
  if (flags.quiet !== true) process.stderr.write(`wrenmq: ${what}\n`);
}

function closeOptions({ properties: { disconnect } }: Connection): { sessionExpiry?: number } {
  return disconnect.sessionExpiryInterval === undefined ? {} : { sessionExpiry: disconnect.sessionExpiryInterval };
}
