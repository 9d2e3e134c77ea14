import { invalid } from './transport-errors.ts';
import type { TransportOpener } from './transport.ts';
import { openWebSocket, type WebSocketLike } from './websocket-transport.ts';

/** Opens a transport in a browser: a WebSocket, there is nothing else. */
export const openTransport: TransportOpener = async (context, observer) => {
  const { protocol, hostname } = context.url;
  if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw invalid(`a browser cannot open ${protocol} - use the broker's WebSocket, as in wss://${hostname || 'broker.example'}/mqtt`);
  }
  if (Object.keys(context.headers ?? {}).length > 0) throw invalid('a browser cannot set headers of a WebSocket');
  const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string, subprotocol: string) => WebSocketLike };
  return openWebSocket(context, observer, (url, subprotocol) => new WebSocket(url, subprotocol));
};
