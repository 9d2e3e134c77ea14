import type { QoS } from '@wrenmq/codec';
import mqtt, { type MqttClient } from 'mqtt';
import type { ClientUnderTest } from './client-under-test.ts';

/** MQTT.js with its defaults and callbacks, which cost it less than its promises. */
export class MqttJsUnderTest implements ClientUnderTest {
  #client: MqttClient | undefined = undefined;

  async connect(port: number): Promise<void> {
    const options = { clientId: 'bench-client', clean: false, reconnectPeriod: 10 };
    this.#client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options);
    this.#client.on('error', () => undefined);
  }

  publish(topic: string, payload: Uint8Array, qos: QoS, onDone: () => void): void {
    this.#client!.publish(topic, payload as Buffer, { qos }, onDone);
  }

  async subscribe(filter: string, qos: QoS, onMessage: () => void): Promise<void> {
    this.#client!.on('message', onMessage);
    await this.#client!.subscribeAsync(filter, { qos });
  }
}
