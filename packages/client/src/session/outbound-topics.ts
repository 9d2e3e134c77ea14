// HOT
import { encodeUtf8 } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';

const topicsMax = 1_024;

/** A topic that is published to. */
export interface OutboundTopic {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The alias that connection number `connection` knows it by; 0: none yet, and it was published to before. */
  alias: number;
  connection: number;
}

/** The topics that were published to last, with their bytes. */
export class OutboundTopics {
  readonly #topics = new Map<string, OutboundTopic>();
  #last: OutboundTopic | undefined = undefined;

  /** Throws MqttError INVALID when it cannot be published to. */
  get(name: string): OutboundTopic {
    const last = this.#last;
    if (last !== undefined && last.name === name) return last;
    const topic = this.#topics.get(name) ?? this.#add(name);
    this.#last = topic;
    return topic;
  }

  #add(name: string): OutboundTopic {
    if (name === '' || /[+#]/.test(name)) throw new MqttError('INVALID', `'${name}' is no topic name: it is empty or has wildcards`); // [MQTT-3.3.2-2] [MQTT-4.7.3-1]
    const topic = { name, bytes: encodeUtf8(name), alias: 0, connection: 0 };
    // [MQTT-4.7.3-3]
    if (topic.bytes.length > 0xffff) throw new MqttError('INVALID', 'a topic name is longer than 65,535 bytes');
    if (this.#topics.size === topicsMax) this.#topics.clear();
    this.#topics.set(name, topic);
    return topic;
  }
}
