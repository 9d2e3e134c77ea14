import type { MetricSample } from '#api/metrics-table.ts';
import type { Listener } from '#listeners/listener.ts';

/** What one listener has seen, as metrics. */
export function listenerSamples({ name, kind, connections, counters }: Listener): MetricSample[] {
  const listener = `${kind}.${name}`;
  const refused = {
    'connections-max': counters.refusedConnectionsMax,
    rate: counters.refusedRate,
    'proxy-protocol': counters.proxyProtocolErrors,
    'handshake-timeout': counters.handshakeTimeouts,
    tls: counters.tlsErrors,
    websocket: counters.websocketErrors,
    internal: counters.handlerErrors,
  };
  return [
    { name: 'wrenmq_connections', value: connections, labels: { listener } },
    { name: 'wrenmq_listener_accepted_total', value: counters.accepted, labels: { listener } },
    ...Object.entries(refused).map(([reason, value]): MetricSample => {
      return { name: 'wrenmq_listener_refused_total', value, labels: { listener, reason } };
    }),
  ];
}
