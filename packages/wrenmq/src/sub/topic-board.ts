import type { Printable } from '#output/printable.ts';

interface Row {
  text: string;
  count: number;
}

/** Topics that are remembered; beyond that the one whose last message is oldest is forgotten. */
const TOPICS_MAX = 10_000;
const TOPIC_COLUMNS_MAX = 40;
const TEXT_BYTES_MAX = 1024;

/** The last message of each topic, for `sub --watch`. */
export class TopicBoard {
  /** The oldest first. */
  readonly #rows = new Map<string, Row>();
  #messages = 0;

  note({ topic, payload }: Printable): void {
    const row = this.#rows.get(topic) ?? { text: '', count: 0 };
    this.#rows.delete(topic);
    this.#rows.set(topic, row);
    if (this.#rows.size > TOPICS_MAX) this.#rows.delete(this.#rows.keys().next().value!);
    row.text = printableText(payload.subarray(0, TEXT_BYTES_MAX));
    row.count += 1;
    this.#messages += 1;
  }

  /** As many lines as fit; where not all do, those whose messages are the newest. */
  lines(rows: number, columns: number): string[] {
    const shown = [...this.#rows].slice(-Math.max(1, rows - 1)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const width = Math.min(TOPIC_COLUMNS_MAX, Math.max(5, ...shown.map(([topic]) => topic.length)));
    const hidden = this.#rows.size - shown.length;
    const head = `${this.#messages} messages, ${this.#rows.size} topics${hidden > 0 ? `, ${hidden} of them not shown` : ''}`;
    const lines = shown.map(([topic, { count, text }]) => `${clean(topic).padEnd(width)} ${String(count).padStart(7)}  ${text}`);
    return [head, ...lines].map((line) => line.slice(0, columns));
  }
}

function printableText(payload: Uint8Array): string {
  return clean(Buffer.from(payload).toString('utf8'));
}

/** What somebody publishes must not move the cursor. */
function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
}
