import type { MqttClient, SubscribeOptions } from '@wrenmq/client';
import { debugLog, openClient } from '#client/open-client.ts';
import { runClientCommand, type Steps } from '#client/run-client-command.ts';
import { type Connection, connectOptions } from '#connection/connect-options.ts';
import { readNumber } from '#connection/read-value.ts';
import { ExitCode } from '#exit-code.ts';
import { Output } from '#output/output.ts';
import { payloadTransform } from '#payload/payload-transform.ts';
import { MessageFilter } from './message-filter.ts';
import { Reception } from './reception.ts';
import { readFilters, type SubFlags, subscribeOptions } from './sub-flags.ts';
import { subPrinter } from './sub-printer.ts';

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
    const options = subscribeOptions(flags);
    const seconds = readNumber('--timeout', flags.timeout, { min: 1, max: TIMEOUT_MAX_S });
    const output = new Output();
    const printer = await subPrinter(flags, output, (what) => complain(flags, what));
    const reception = new Reception(output, {
      print: printer.print,
      transform: await payloadTransform(flags, (what) => complain(flags, what)),
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
      return await receive(client, reception, { flags, connection, filters, options, seconds, steps });
    } finally {
      await client.close(closeOptions(connection));
      printer.end();
      await output.flush();
    }
  });
}

interface Task {
  readonly flags: SubFlags;
  readonly connection: Connection;
  readonly filters: readonly string[];
  readonly options: SubscribeOptions;
  /** As long as messages are waited for. */
  readonly seconds: number | undefined;
  readonly steps: Steps;
}

async function receive(client: MqttClient, reception: Reception, task: Task): Promise<ExitCode> {
  const { flags, connection, filters, options, seconds, steps } = task;
  const subscribing = client.subscribe([...filters], { ...options, ack: 'manual' });
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
