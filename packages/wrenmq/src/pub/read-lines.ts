import type { Readable } from 'node:stream';

const LINE_FEED = 0x0a;

/** The lines of a stream as bytes, without their ends, as many at a time as have come. A last line without an end is one too. */
export async function* readLines(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer[]> {
  const end = (): unknown => stream.destroy();
  signal.addEventListener('abort', end);
  let rest: Buffer[] = [];
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines: Buffer[] = [];
      let start = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, start)) {
        const line = chunk.subarray(start, at);
        lines.push(rest.length === 0 ? line : Buffer.concat([...rest, line]));
        rest = [];
        start = at + 1;
      }
      if (start < chunk.length) rest.push(chunk.subarray(start));
      yield lines;
    }
    if (rest.length > 0) yield [Buffer.concat(rest)];
  } finally {
    signal.removeEventListener('abort', end);
  }
}
