import { z } from 'zod';
import { durationInSeconds, key, section } from './schema-key.ts';

const rhythm = () => durationInSeconds({ min: '1s', max: '1d' }).nullable();

const event = (about: string, isOn: boolean) =>
  key('live', `${about}, under clients/<client id>/ of the node.`, z.boolean().prefault(isOn));

export const sys = section('The $SYS topics: what the broker tells of itself.', {
  interval: key(
    'live',
    "How often $SYS/broker/#, mosquitto's names, is brought up to date, 1s to 1d; null: not at all.",
    rhythm().prefault('10s'),
  ),
  nodeInterval: key(
    'live',
    'How often $SYS/brokers and version, sysdescr, stats/# and metrics/# of the node are published, 1s to 1d; null: not at all.',
    rhythm().prefault('1m'),
  ),
  heartbeatInterval: key(
    'live',
    'How often uptime and datetime of the node are published, 1s to 1d; null: not at all.',
    rhythm().prefault('30s'),
  ),
  events: section('What happens to clients, as JSON under $SYS/brokers/<node>/clients/<client id>/.', {
    clientConnected: event('Whether connected is published when a client has been let in', true),
    clientDisconnected: event('Whether disconnected is published when a client is gone', true),
    clientSubscribed: event('Whether subscribed is published when a subscription was made', false),
    clientUnsubscribed: event('Whether unsubscribed is published when a client has ended a subscription', false),
  }),
});
