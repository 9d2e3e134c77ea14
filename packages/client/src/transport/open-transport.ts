import { invalid } from './transport-errors.ts';
import type { TransportOpener } from './transport.ts';

/**
 * Opens a transport in Node.js, by the scheme of the URL. `open-transport-browser.ts` stands in its place where the condition `browser`
 * is set. What a scheme needs is loaded with its first use.
 */
export const openTransport: TransportOpener = async (context, observer) => {
  const { protocol } = context.url;
  switch (protocol) {
    case 'mqtt:':
    case 'tcp:':
      return (await import('./tcp-transport.ts')).openTcp(context, observer);
    case 'mqtts:':
    case 'ssl:':
    case 'tls:':
      return (await import('./tls-transport.ts')).openTls(context, observer);
    case 'ws:':
    case 'wss:':
      return (await import('./node-websocket.ts')).openNodeWebSocket(context, observer);
    case 'unix:':
    case 'mqtt+unix:':
      return (await import('./unix-transport.ts')).openUnix(context, observer);
    default:
      throw invalid(`the scheme ${protocol} is unknown: use mqtt, mqtts, ws, wss or unix, or give a transport of your own`);
  }
};
