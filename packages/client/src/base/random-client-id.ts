/** Up to 23 characters of digits and letters: what every broker takes. [MQTT-3.1.3-5] */
export function randomClientId(): string {
  return `wren${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
