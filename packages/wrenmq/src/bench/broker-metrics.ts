import { CommandError, ExitCode } from '#exit-code.ts';

/** The samples of one scrape, by name and labels, as they stand in the text. */
export type Scrape = ReadonlyMap<string, number>;

/** What a broker used for a run, by its own account. What it does not tell is null. */
export interface BrokerUse {
  readonly cpuSeconds: number | null;
  readonly messagesReceived: number | null;
  readonly messagesSent: number | null;
  /** By reason, where there is one; without a reason under `all`. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly residentBytesBefore: number | null;
  readonly residentBytesAfter: number | null;
  /** In and out; null where there were none. */
  readonly messagesPerCpuSecond: number | null;
}

const TIMEOUT_MS = 5000;
const RECEIVED = 'wrenmq_messages_received_total';
const SENT = 'wrenmq_messages_sent_total';
const DROPPED = 'wrenmq_messages_dropped_total';

/** Asks a broker for its metrics, in the text format of Prometheus. */
export async function scrape(url: URL, token: string | undefined): Promise<Scrape> {
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`it answers ${response.status} ${response.statusText}`);
    return readSamples(await response.text());
  } catch (error) {
    const { message, cause } = error as Error;
    throw new CommandError(
      `wrenmq: --broker-metrics ${url.href}: ${cause instanceof Error ? cause.message : message}`,
      ExitCode.Unreachable,
    );
  }
}

/** The address that the flag names; without a path, /metrics. */
export function metricsUrl(text: string | undefined): URL | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new CommandError(`wrenmq: --broker-metrics ${text}: must be like http://127.0.0.1:18083/metrics`, ExitCode.Usage);
  if (url.username !== '' || url.password !== '')
    throw new CommandError(
      'wrenmq: --broker-metrics: no secret belongs on a command line: WRENMQ_METRICS_TOKEN is for one',
      ExitCode.Usage,
    );
  if (url.pathname === '/') url.pathname = '/metrics';
  return url;
}

/** `counted`: messages in and out of the broker by our own count, for brokers that do not tell. */
export function brokerUse(before: Scrape, after: Scrape, counted: number): BrokerUse {
  const grown = (name: string): number | null => differenceOf(sumOf(before, name), sumOf(after, name));
  const [cpuSeconds, received, sent] = [grown('process_cpu_seconds_total'), grown(RECEIVED), grown(SENT)];
  const messages = received === null || sent === null ? counted : received + sent;
  return {
    cpuSeconds,
    messagesReceived: received,
    messagesSent: sent,
    dropped: droppedBetween(before, after),
    residentBytesBefore: sumOf(before, 'process_resident_memory_bytes'),
    residentBytesAfter: sumOf(after, 'process_resident_memory_bytes'),
    messagesPerCpuSecond: cpuSeconds === null || cpuSeconds <= 0 || messages === 0 ? null : Math.round(messages / cpuSeconds),
  };
}

/** Lines such as `name{label="value"} 7`; the rest, which is for people and for types, is left out. */
export function readSamples(text: string): Scrape {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*(?:\{.*\})?)\s+(\S+)/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number(value));
  }
  return samples;
}

/** Of all labels together; null when there is none of this name. */
function sumOf(scraped: Scrape, name: string): number | null {
  const values = [...scraped].filter(([key]) => key === name || key.startsWith(`${name}{`)).map(([, value]) => value);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

/** A counter that is not there yet counts as 0. */
function differenceOf(before: number | null, after: number | null): number | null {
  return after === null ? null : after - (before ?? 0);
}

function droppedBetween(before: Scrape, after: Scrape): Readonly<Record<string, number>> {
  const dropped: [string, number][] = [];
  for (const [key, value] of after) {
    if (key !== DROPPED && !key.startsWith(`${DROPPED}{`)) continue;
    const count = value - (before.get(key) ?? 0);
    if (count > 0) dropped.push([/reason="([^"]*)"/.exec(key)?.[1] ?? 'all', count]);
  }
  return Object.fromEntries(dropped);
}
