/** Topic aliases towards one client: the first topics that it gets keep theirs as long as the connection lives. */
export class OutgoingAliases {
  readonly #max: number;
  readonly #byTopic = new Map<string, number>();
  /** True after `aliasOf` when the client does not know the alias yet: the topic name must go with it [MQTT-3.3.2-8]. */
  isNew = false;

  /** `max` is the client's Topic Alias Maximum [MQTT-3.1.2-26]. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The alias of a topic, or 0 when none is left. */
  aliasOf(topic: string): number {
    const known = this.#byTopic.get(topic);
    this.isNew = known === undefined;
    if (known !== undefined) return known;
    if (this.#byTopic.size >= this.#max) return 0;
    const alias = this.#byTopic.size + 1;
    this.#byTopic.set(topic, alias);
    return alias;
  }

  /** Takes back an alias that was given but not sent. */
  forget(topic: string): void {
    this.#byTopic.delete(topic);
  }
}
