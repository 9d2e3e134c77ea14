// HOT
import type { LoadClient } from './load-client.ts';
import type { LoadStream } from './load-outcome.ts';

/** One of those who publish in a run, and what it owes. */
export class Publisher {
  readonly client: LoadClient;
  readonly streams: readonly LoadStream[];
  readonly copiesMax: number;
  sent = 0;
  /** Messages that are due and not sent. */
  owed = 0;
  /** Deliveries of sent messages that have not come. */
  outstanding = 0;
  outstandingBefore = 0;
  isHeld = false;
  heldUntilMs = 0;
  isReady = false;

  constructor(client: LoadClient, streams: readonly LoadStream[]) {
    this.client = client;
    this.streams = streams;
    this.copiesMax = Math.max(...streams.map(({ copies }) => copies));
  }
}
