import { connect } from 'node:net';
import { readHost } from './read-host.ts';
import { openSocket } from './socket-transport.ts';
import type { Transport, TransportContext, TransportObserver } from './transport.ts';

const PORT = 1883;

/** `mqtt://host`, `tcp://host:1883`. */
export async function openTcp({ url, signal }: TransportContext, observer: TransportObserver): Promise<Transport> {
  const { host, port, place } = readHost(url, PORT);
  const socket = connect({ host, port, noDelay: true });
  return openSocket({ socket, openEvent: 'connect', place, signal }, observer);
}
