import { LaunchedProcess } from './launched-process.ts';
import { nodeBinary, repository } from './launch-broker.ts';
import { foreignBroker, type ForeignBroker } from './launch-mosquitto.ts';

const program = `
const { Aedes } = await import('aedes');
const { createServer } = await import('node:net');
const broker = await Aedes.createBroker();
const server = createServer(broker.handle);
server.listen(0, '127.0.0.1', () => console.log('ready ' + server.address().port));
`;

/** Aedes, the other broker for Node, in a process of its own. It speaks 3.1 and 3.1.1 over TCP. */
export async function launchAedes(): Promise<ForeignBroker> {
  let port = 0;
  const launched = await LaunchedProcess.launch({
    command: nodeBinary,
    args: ['--input-type=module', '--eval', program],
    cwd: repository,
    isReady: (line) => {
      port = Number(/^ready (\d+)$/.exec(line)?.[1] ?? 0);
      return port > 0;
    },
  });
  return foreignBroker(launched, { host: '127.0.0.1', port }, 0, async () => {});
}
