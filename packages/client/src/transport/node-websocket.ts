import type { ClientRequestArgs } from 'node:http';
import type { ConnectionOptions } from 'node:tls';
import { nodeTlsOptions } from './tls-transport.ts';
import { invalid } from './transport-errors.ts';
import type { TlsOptions, Transport, TransportContext, TransportObserver } from './transport.ts';
import { openWebSocket, type WebSocketLike, type WebSocketMaker } from './websocket-transport.ts';

/** The part of the optional package `ws` that is used. */
interface WebSocketPackage {
  readonly WebSocket: new (url: string, subprotocol: string, options: ClientRequestArgs & ConnectionOptions) => WebSocketLike;
}

/** Node's own WebSocket where it can do what is asked, else that of the package `ws`. */
export async function openNodeWebSocket(context: TransportContext, observer: TransportObserver): Promise<Transport> {
  const { headers, tls } = context;
  const own = (globalThis as { WebSocket?: new (url: string, subprotocol: string) => WebSocketLike }).WebSocket;
  const needs = listNeeds(context, own !== undefined);
  if (needs.length === 0) return openWebSocket(context, observer, (url, subprotocol) => new own!(url, subprotocol));
  const { WebSocket } = await loadPackage(needs);
  const make: WebSocketMaker = (url, subprotocol) =>
    new WebSocket(url, subprotocol, { ...(headers !== undefined && { headers: { ...headers } }), ...tlsOptions(url, tls) });
  return openWebSocket(context, observer, make);
}

function listNeeds({ url, headers, tls }: TransportContext, hasOwn: boolean): string[] {
  const needs: string[] = [];
  if (headers !== undefined && Object.keys(headers).length > 0) needs.push('websocket.headers');
  if (url.protocol === 'wss:' && tls !== undefined && Object.keys(tls).length > 0) needs.push('tls options');
  if (!hasOwn) needs.push('a Node.js without a WebSocket of its own (before 22)');
  return needs;
}

function tlsOptions(url: string, tls: TlsOptions | undefined): ConnectionOptions {
  return tls === undefined || !url.startsWith('wss:') ? {} : nodeTlsOptions(tls, new URL(url).hostname.replaceAll(/^\[|\]$/g, ''));
}

async function loadPackage(needs: readonly string[]): Promise<WebSocketPackage> {
  try {
    return await import('ws');
  } catch (cause) {
    throw invalid(`${needs.join(' and ')} over a WebSocket needs the package ws: npm install ws`, cause);
  }
}
