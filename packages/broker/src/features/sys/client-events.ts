import type { ConnectProperties, DisconnectProperties } from '@wrenmq/codec';
import type {
  ClientFacts,
  ConnectDetails,
  DisconnectDetails,
  FeatureContext,
  HookPoint,
  HookPoints,
  SubscriptionDetails,
} from '#hooks/feature.ts';
import { disconnectReason } from './disconnect-reason.ts';
import { topicLevelOf } from './topic-level.ts';

/** Which events are published. */
export interface EventSettings {
  readonly clientConnected: boolean;
  readonly clientDisconnected: boolean;
  readonly clientSubscribed: boolean;
  readonly clientUnsubscribed: boolean;
}

type EventName = 'connected' | 'disconnected' | 'subscribed' | 'unsubscribed';

const names = {
  clientConnected: 'connected',
  clientDisconnected: 'disconnected',
  clientSubscribed: 'subscribed',
  clientUnsubscribed: 'unsubscribed',
} as const satisfies Record<keyof EventSettings, EventName>;

/** What happens to clients, under `<own>/clients/<client id>/`, with the names and fields of EMQX. What is off costs nothing. */
export class ClientEvents {
  readonly #context: Pick<FeatureContext<unknown>, 'clock' | 'clients' | 'on' | 'announce'>;
  readonly #own: string;
  /** What ends the publishing of those that are on. */
  readonly #active = new Map<EventName, () => void>();

  constructor(context: Pick<FeatureContext<unknown>, 'clock' | 'clients' | 'on' | 'announce'>, own: string) {
    this.#context = context;
    this.#own = own;
  }

  reload(settings: EventSettings): void {
    for (const key of Object.keys(names) as (keyof EventSettings)[]) {
      const name = names[key];
      if (settings[key] === this.#active.has(name)) continue;
      if (settings[key]) this.#active.set(name, this.#observe(name));
      else this.#withdraw(name);
    }
  }

  stop(): void {
    for (const name of this.#active.keys()) this.#withdraw(name);
  }

  #withdraw(name: EventName): void {
    this.#active.get(name)!();
    this.#active.delete(name);
  }

  #observe(name: EventName): () => void {
    const on = <Point extends HookPoint>(point: Point, hook: HookPoints[Point]): (() => void) => this.#context.on(point, hook);
    switch (name) {
      case 'connected':
        return on('client.connected', (client, _isSessionPresent, details) => this.#connected(client, details));
      case 'disconnected':
        return on('client.disconnected', (client, reasonCode, details) => this.#disconnected(client, reasonCode, details));
      case 'subscribed':
        return on('subscription.added', (clientId, filter, qos, details) => this.#subscribed(clientId, filter, qos, details));
      case 'unsubscribed':
        return on('subscription.removed', (clientId, filter) => this.#publish(name, clientId, this.#subscription(clientId, filter)));
    }
  }

  #connected(client: ClientFacts, details: ConnectDetails): void {
    this.#publish('connected', client.clientId, {
      ...this.#common(client, details.localPort),
      conn_props: propertiesOf(details.properties),
      receive_maximum: details.receiveMaximum,
      keepalive: details.keepAlive,
      clean_start: details.cleanStart,
      expiry_interval: details.sessionExpiryInterval,
      client_attrs: {},
    });
  }

  #disconnected(client: ClientFacts, reasonCode: number, details: DisconnectDetails): void {
    this.#publish('disconnected', client.clientId, {
      ...this.#common(client, details.localPort),
      reason: disconnectReason(client.listener, reasonCode, details),
      disconnected_at: this.#context.clock.wallMs(),
      disconn_props: propertiesOf(details.properties),
      client_attrs: {},
    });
  }

  #subscribed(clientId: string, topic: string, qos: number, details: SubscriptionDetails): void {
    const { ts, ...subscription } = this.#subscription(clientId, topic);
    const { retainHandling: rh, retainAsPublished, noLocal } = details;
    this.#publish('subscribed', clientId, {
      ...subscription,
      subopts: { qos, rh, rap: retainAsPublished ? 1 : 0, nl: noLocal ? 1 : 0 },
      ts,
    });
  }

  #subscription(clientId: string, topic: string) {
    const { clock, clients } = this.#context;
    return { clientid: clientId, username: clients.facts(clientId)?.username ?? null, protocol: 'mqtt', topic, ts: clock.wallMs() };
  }

  #common(client: ClientFacts, sockport: number): object {
    return {
      clientid: client.clientId,
      username: client.username,
      ipaddress: client.peerAddress,
      sockport,
      protocol: 'mqtt',
      proto_name: client.protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
      proto_ver: client.protocolVersion,
      connected_at: client.connectedAtMs,
      ts: this.#context.clock.wallMs(),
    };
  }

  #publish(event: EventName, clientId: string, payload: object): void {
    this.#context.announce(`${this.#own}/clients/${topicLevelOf(clientId)}/${event}`, JSON.stringify(payload));
  }
}

/** Under the names of the standard, `Session-Expiry-Interval`; what a client proves itself with is not for others. */
function propertiesOf(properties: ConnectProperties & DisconnectProperties): object {
  const { authenticationData: _secret, userProperties, ...others } = properties;
  const named: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(others)) {
    named[name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').replace(/^[a-z]/, (first) => first.toUpperCase())] = value;
  }
  if (userProperties !== undefined) named['User-Property'] = Object.fromEntries(userProperties);
  return named;
}
