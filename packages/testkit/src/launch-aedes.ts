import { LaunchedProcess } from './launched-process.ts';
import { nodeBinary, repository } from './launch-broker.ts';
import { foreignBroker, type ForeignBroker } from './launch-mosquitto.ts';

const program = `
const { Aedes } = await import('aedes');
const { once } = await import('node:events');
const { createServer } = await import('node:net');
const { createWebSocketStream, WebSocketServer } = await import('ws');
const broker = await Aedes.createBroker();
const server = createServer(broker.handle).listen(0, '127.0.0.1');
const webSockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
webSockets.on('connection', (socket, request) => broker.handle(createWebSocketStream(socket), request));
await Promise.all([once(server, 'listening'), once(webSockets, 'listening')]);
console.log('ready ' + server.address().port + ' ' + webSockets.address().port);
`;

/** Aedes, the other broker for Node, in a process of its own. It speaks 3.1 and 3.1.1 over TCP and WebSocket. */
export async function launchAedes(): Promise<ForeignBroker> {
  let ports: readonly number[] = [];
  const launched = await LaunchedProcess.launch({
    command: nodeBinary,
    args: ['--input-type=module', '--eval', program],
    cwd: repository,
    isReady: (line) => {
      ports = /^ready (\d+) (\d+)$/.exec(line)?.slice(1).map(Number) ?? [];
      return ports.length > 0;
    },
  });
  const [port, webSocketPort] = ports;
  return foreignBroker(launched, { host: '127.0.0.1', port }, webSocketPort, async () => {});
}
