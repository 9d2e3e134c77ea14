import type { HdrInterval } from './hdr-log.ts';
import { headline, type RunOutcome } from './run-outcome.ts';
import type { RecordedSecond } from './second-series.ts';

const SECOND_MS = 1000;

/** The intervals of a run for a histogram log: what the result is about without a tag, so that every tool reads it, the rest with one. */
export function hdrIntervals({ connections, messages, storm }: RunOutcome): HdrInterval[] {
  if (messages === null) {
    const connecting = { startMs: 0, lengthMs: connections.elapsedMs, histogram: connections.latency };
    if (storm === null) return [connecting];
    return [connecting, { tag: 'storm', startMs: connections.elapsedMs, lengthMs: storm.elapsedMs, histogram: storm.latency }];
  }
  const { seconds, rest, measured } = messages;
  const restMs = Math.max(1, measured.elapsedMs - seconds.length * SECOND_MS);
  const isLatency = headline(connections, messages) === messages.latency;
  return [...seconds, rest].flatMap((second, index) => {
    const lengthMs = index === seconds.length ? restMs : SECOND_MS;
    return intervalsOf(second, { startMs: index * SECOND_MS, lengthMs }, isLatency);
  });
}

function intervalsOf({ histograms }: RecordedSecond, when: Pick<HdrInterval, 'startMs' | 'lengthMs'>, isLatency: boolean): HdrInterval[] {
  if (histograms === null) return [];
  const { latency, acknowledgement } = histograms;
  if (!isLatency) return [{ ...when, histogram: acknowledgement }];
  const main = { ...when, histogram: latency };
  return acknowledgement.count === 0 ? [main] : [main, { ...when, tag: 'acknowledgement', histogram: acknowledgement }];
}
