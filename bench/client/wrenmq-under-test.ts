import { connect, type MqttClient } from '@wrenmq/client';
import type { QoS } from '@wrenmq/codec';
import type { ClientUnderTest } from './client-under-test.ts';

/** `@wrenmq/client` with its defaults. */
export class WrenMQUnderTest implements ClientUnderTest {
  #client: MqttClient | undefined = undefined;

  async connect(port: number): Promise<void> {
    const session = { expiry: 3600 };
    this.#client = await connect(`mqtt://127.0.0.1:${port}`, { clientId: 'bench-client', session, reconnect: { maxDelay: 10 } });
  }

  publish(topic: string, payload: Uint8Array, qos: QoS, onDone: () => void): void {
    // A refused message would be missing in the count, which the run notices.
    this.#client!.publish(topic, payload, { qos }).then(onDone, console.error);
  }

  async subscribe(filter: string, qos: QoS, onMessage: () => void): Promise<void> {
    await this.#client!.handle(filter, onMessage, { qos });
  }
}
