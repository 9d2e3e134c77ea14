import { deflateSync } from 'node:zlib';
import type { EncodedHistogram } from './latency-histogram.ts';

/** What was measured between two moments. */
export interface HdrInterval {
  /** Undefined: what a reader sees who asks for no tag. */
  readonly tag?: string;
  /** Since the beginning of the log. */
  readonly startMs: number;
  readonly lengthMs: number;
  readonly histogram: EncodedHistogram;
}

const COMPRESSED_V2_COOKIE = 0x1c84_9314;

/** A histogram log, version 1.3, of times in nanoseconds: what HdrHistogram's own tools read (HistogramLogProcessor, HistogramLogAnalyzer). */
export function hdrLog(startedAt: Date, remarks: readonly string[], intervals: readonly HdrInterval[]): string {
  const seconds = (startedAt.getTime() / 1000).toFixed(3);
  const head = [
    ...remarks.map((remark) => `#${remark}`),
    '#[Histogram log format version 1.3]',
    `#[BaseTime: ${seconds} (seconds since epoch)]`,
    `#[StartTime: ${seconds} (seconds since epoch), ${startedAt.toISOString()}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ];
  return `${[...head, ...intervals.map(lineOf)].join('\n')}\n`;
}

function lineOf({ tag, startMs, lengthMs, histogram }: HdrInterval): string {
  const figures = [startMs / 1000, lengthMs / 1000, histogram.maxMs].map((figure) => figure.toFixed(3));
  return [...(tag === undefined ? [] : [`Tag=${tag}`]), ...figures, compressed(histogram.counts)].join(',');
}

function compressed(counts: Uint8Array): string {
  const deflated = deflateSync(counts);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(COMPRESSED_V2_COOKIE, 0);
  head.writeUInt32BE(deflated.length, 4);
  return Buffer.concat([head, deflated]).toString('base64');
}
