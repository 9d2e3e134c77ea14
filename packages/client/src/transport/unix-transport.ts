import { connect } from 'node:net';
import { openSocket } from './socket-transport.ts';
import { invalid } from './transport-errors.ts';
import type { Transport, TransportContext, TransportObserver } from './transport.ts';

/** `unix:/run/broker.sock`, `mqtt+unix:///run/broker.sock`. */
export async function openUnix({ url, signal }: TransportContext, observer: TransportObserver): Promise<Transport> {
  const path = readPath(url);
  return openSocket({ socket: connect({ path }), openEvent: 'connect', place: path, signal }, observer);
}

function readPath(url: URL): string {
  const example = `as in ${url.protocol}${url.protocol === 'unix:' ? '' : '//'}/run/broker.sock`;
  if (url.hostname !== '') throw invalid(`${url.protocol}//${url.hostname}${url.pathname}: a path needs three slashes, ${example}`);
  try {
    const path = decodeURIComponent(url.pathname);
    if (path !== '' && path !== '/' && !path.includes('\0')) return path;
  } catch (cause) {
    throw invalid(`'${url.pathname}' is not a path`, cause);
  }
  throw invalid(`${url.protocol} needs the path of a socket, ${example}`);
}
