import { BlockList, isIP } from 'node:net';
import { OperationalError } from '#base/errors.ts';
import type { Arrival, Stage } from './arrival.ts';
import type { LinkContext } from './link-context.ts';
import type { ProxyProtocolOptions } from './listener-options.ts';
import { parseProxyHeader, type ProxyHeader, proxyHeaderBytesMax, ProxyProtocolError } from './proxy-protocol.ts';

/** Reads the PROXY header of a trusted peer, puts back what follows it, and hands the connection on under its true name. */
export class ProxyStage implements Stage {
  /** Set by the listener before the first connection. */
  next: Stage | null = null;
  readonly #options: ProxyProtocolOptions;
  readonly #context: LinkContext;
  readonly #trusted: BlockList;

  constructor(options: ProxyProtocolOptions, context: LinkContext) {
    this.#options = options;
    this.#context = context;
    this.#trusted = parseTrusted(options.trusted);
  }

  take(arrival: Arrival): void {
    if (!this.#isTrusted(arrival.peer.address)) {
      this.#refuse(arrival, 'the peer is not in proxyProtocol.trusted');
      return;
    }
    const { raw } = arrival;
    let seen: Buffer = Buffer.alloc(0);
    const read = (): void => {
      let chunk: Buffer | null;
      while ((chunk = raw.read() as Buffer | null) !== null) seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      if (seen.length > 0) this.#parse(arrival, seen, stopReading);
    };
    const stopReading = (): void => {
      cancel();
      raw.removeListener('readable', read);
      raw.removeListener('close', stopReading);
    };
    const cancel = this.#context.clock.after(this.#options.timeoutMs, () => this.#refuse(arrival, 'no PROXY header in time'));
    raw.on('close', stopReading);
    raw.on('readable', read);
  }

  #isTrusted(address: string): boolean {
    // Who may open our Unix socket is decided by its file mode.
    return address === '' ? this.#context.transport === 'unix' : this.#trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  #parse(arrival: Arrival, seen: Buffer, stopReading: () => void): void {
    let header: ProxyHeader | null;
    try {
      header = parseProxyHeader(seen);
    } catch (error) {
      if (!(error instanceof ProxyProtocolError)) throw error;
      this.#refuse(arrival, error.message);
      return;
    }
    if (header === null) {
      if (seen.length > proxyHeaderBytesMax) this.#refuse(arrival, 'the header is too long');
      return;
    }
    stopReading();
    const { raw } = arrival;
    raw.pause();
    if (seen.length > header.length) raw.unshift(seen.subarray(header.length));
    if (header.source !== null) arrival.peer = header.source;
    arrival.tls = header.tls;
    this.next?.take(arrival);
  }

  #refuse(arrival: Arrival, reason: string): void {
    this.#context.counters.proxyProtocolErrors++;
    this.#context.log.refused({ peer: arrival.peer, reason }, 'refused: PROXY protocol');
    arrival.raw.destroy();
  }
}

function parseTrusted(trusted: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of trusted) {
    const slash = text.indexOf('/');
    const address = slash === -1 ? text : text.slice(0, slash);
    const version = isIP(address);
    const bitsMax = version === 6 ? 128 : 32;
    const bits = slash === -1 ? bitsMax : parsePrefix(text.slice(slash + 1));
    if (version === 0 || bits > bitsMax) {
      throw new OperationalError(
        'listener.proxy',
        `proxyProtocol.trusted: '${text}' is neither an address nor a CIDR block like 10.0.0.0/8`,
      );
    }
    list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** What is no number is larger than any prefix. An empty one must not be read as /0, which trusts everybody. */
function parsePrefix(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : Infinity;
}
