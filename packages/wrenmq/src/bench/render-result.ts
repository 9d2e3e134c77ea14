import type { BenchResult } from './bench-result.ts';
import type { LatencySummary } from './latency-histogram.ts';

/** The result for people; what is INVALID says so first and last. */
export function renderResult(result: BenchResult): string {
  const { scenario, url, version, options, loop, counts, rates, generator } = result;
  const target = loop === 'closed' ? `closed loop, window ${options['window']}` : `open loop, ${number(Number(options['rate']))}/s`;
  const messages = scenario === 'conn' ? [] : [`qos ${options['qos']}`, `${options['payloadBytes']} B`];
  const head = [scenario, `${options['clients']} clients`, ...messages, target, `MQTT ${version}`, url].join('  ');
  const shown = Object.entries(counts).filter(([name, count]) => count > 0 || ['lost', 'duplicates', 'outOfOrder'].includes(name));
  const lines = [
    head,
    shown.map(([name, count]) => `${words(name)} ${number(count)}`).join('  '),
    `per second, over ${(result.elapsedMs / 1000).toFixed(1)} s: ${Object.entries(rates)
      .map(([name, rate]) => `${words(name)} ${number(rate)}`)
      .join('  ')}`,
    ...latencyLines(result),
    ...stormLines(result),
    ...brokerLines(result),
    `generator: ${generator.workers.length > 1 ? `${generator.workers.length} workers, the worst ` : ''}busy ${Math.round(generator.utilization * 100)} %, CPU ${Math.round(generator.cpu * 100)} %, event loop late by ${ms(generator.loopDelayP99Ms)} at p99`,
    ...Object.entries(result.reasonCodes).map(([reason, count]) => `${reason}: ${number(count)}`),
  ];
  if (result.isValid) return [...lines, 'VALID'].join('\n');
  return ['INVALID', ...lines, ...result.invalid.map((reason) => `INVALID: ${reason}`)].join('\n');
}

function latencyLines({ latency, service, acknowledgement, scheduleDelay, connect, scenario, loop }: BenchResult): string[] {
  const rows: [string, LatencySummary | null][] = [
    ['latency (intended to received)', latency],
    ['  of which sent to received', service],
    ['acknowledgement (intended to acknowledged)', acknowledgement],
    ['schedule delay (intended to sent)', scheduleDelay],
    ['connect (intended to CONNACK)', scenario === 'conn' ? connect : null],
  ];
  const shown = rows.filter((row): row is [string, LatencySummary] => row[1] !== null);
  const note = loop === 'closed' && shown.length > 0 ? ['(closed loop: the tail is understated, because it waits for the slow ones)'] : [];
  return [...shown.map(([title, summary]) => `${title.padEnd(43)} ${percentiles(summary)}`), ...note];
}

function stormLines({ storm }: BenchResult): string[] {
  if (storm === null) return [];
  const { clients, served, unserved, sessionsResumed, failedAttempts, elapsedMs, latency } = storm;
  const end =
    unserved === 0 ? `all ${number(served)} served again after ${ms(elapsedMs)}` : `${number(unserved)} of ${number(clients)} not served`;
  return [
    `storm: ${end}  failed attempts ${number(failedAttempts)}  sessions resumed ${number(sessionsResumed)}`,
    ...(latency === null ? [] : [`${'  from the cut to CONNACK'.padEnd(43)} ${percentiles(latency)}`]),
  ];
}

function brokerLines({ broker }: BenchResult): string[] {
  if (broker === null) return [];
  const { cpuSeconds, messagesReceived, messagesSent, dropped, residentBytesAfter, residentBytesBefore, messagesPerCpuSecond } = broker;
  const told = (value: number | null): string => (value === null ? '-' : number(value));
  const mebibytes = (bytes: number | null): string => (bytes === null ? '-' : `${Math.round(bytes / 2 ** 20)} MiB`);
  const drops = Object.entries(dropped).map(([reason, count]) => `${reason} ${number(count)}`);
  return [
    `broker: CPU ${cpuSeconds === null ? '-' : cpuSeconds.toFixed(2)} s  messages in ${told(messagesReceived)}, out ${told(messagesSent)}, per CPU-second ${told(messagesPerCpuSecond)}`,
    `  dropped ${drops.length === 0 ? 0 : drops.join(', ')}  memory ${mebibytes(residentBytesBefore)}, then ${mebibytes(residentBytesAfter)}`,
  ];
}

function percentiles({ p50Ms, p90Ms, p99Ms, p99_9Ms, maxMs }: LatencySummary): string {
  return `p50 ${ms(p50Ms)}  p90 ${ms(p90Ms)}  p99 ${ms(p99Ms)}  p99.9 ${p99_9Ms === null ? '-' : ms(p99_9Ms)}  max ${ms(maxMs)}`;
}

function ms(time: number): string {
  return `${time.toFixed(time < 10 ? 2 : time < 100 ? 1 : 0)} ms`;
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** `outOfOrder` as `out of order`. */
function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
