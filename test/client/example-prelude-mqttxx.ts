/** What the examples of mqttxx's names take for granted. */
import { connect } from '@wrenmq/client';
import { EventChannelManager, EventMessage, eventSubscribe, MQTTClient, RPCManager } from '@wrenmq/client/mqttxx';
import { rpcPeer } from '@wrenmq/client/rpc';

const url = new URL('mqtt://localhost:1883');
const peer = await rpcPeer(await connect(url), { topic: 'bots/device_002' });
peer.register('get_data', () => ({ value: 1 }));
const client = new MQTTClient({ brokerHost: url.hostname, brokerPort: Number(url.port), clientId: 'example' });
await client.connect();
export const given = { client, EventChannelManager, EventMessage, eventSubscribe, RPCManager };

{
  /* the example */
}
process.exit(0);
