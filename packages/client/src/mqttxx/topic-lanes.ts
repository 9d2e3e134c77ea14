/** What concerns one topic happens one after the other, also for patterns that overlap. */
export class TopicLanes {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs a task that never rejects, after those of the same topic. */
  async run(topic: string, task: () => Promise<void>): Promise<void> {
    const before = this.#last.get(topic);
    const done = before === undefined ? task() : before.then(task);
    this.#last.set(topic, done);
    await done;
    if (this.#last.get(topic) === done) this.#last.delete(topic);
  }
}
