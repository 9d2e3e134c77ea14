import type { Shelf } from './shelf.ts';

/** What the history remembers of a topic that is kept, for whoever publishes to it. */
export class HistorySlot {
  readonly topic: string;
  readonly shelf: Shelf;
  /** The segment in which `topicNumber` holds. */
  segment = -1;
  topicNumber = 0;
  /** The frame in which the numbers below hold. */
  frame = -1;
  frameTopic = 0;
  /** Who published last, and under which number in `publisherFrame`. */
  publisher = '';
  publisherFrame = -1;
  publisherNumber = 0;

  constructor(topic: string, shelf: Shelf) {
    this.topic = topic;
    this.shelf = shelf;
  }
}
