interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface DiagnosticsChannel {
  channel(name: string): Channel;
}

/** Node's diagnostics_channel without an import, which a browser's bundle could not have. */
const diagnostics = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule?.(
  'node:diagnostics_channel',
) as DiagnosticsChannel | undefined;

/** `{ client, topic, payload, qos, retain }` for every message that is to be published. */
export const publishChannel = diagnostics?.channel('wrenmq:client:publish');
/** `{ client, topic, payload, qos, retain }` for every message that has come. */
export const messageChannel = diagnostics?.channel('wrenmq:client:message');
/** `{ client, state, error? }` for every change of the client's state. */
export const connectionChannel = diagnostics?.channel('wrenmq:client:connection');
