/** How values become payloads. */
export interface PayloadCodec<T = unknown> {
  /** The Content Type property of MQTT 5. */
  readonly contentType: string;
  /** Whether what it makes is UTF-8: the Payload Format Indicator of MQTT 5. */
  readonly utf8: boolean;
  encode(value: T): Uint8Array;
  decode(payload: Uint8Array): T;
}
