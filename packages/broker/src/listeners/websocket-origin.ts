const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** What a browser says of the page that opens a WebSocket, and where the connection came in. */
export interface OriginFacts {
  /** The Origin header; undefined from clients that are no browsers. */
  readonly origin: string | undefined;
  /** The Host header. */
  readonly host: string | undefined;
  /** Whether the connection came in on a loopback address. */
  readonly isLoopback: boolean;
}

/**
 * Whether a page may connect. Browsers let every page open a WebSocket to any address, this machine's own included, so without a
 * list (`*` admits all) only pages of this machine may: on loopback those of localhost, whatever name another page's server
 * pretends to have; elsewhere those of the host that is asked.
 */
export function isOriginAllowed(allowed: readonly string[], { origin, host, isLoopback }: OriginFacts): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  if (allowed.length > 0) return false;
  const page = hostNameOf(origin);
  if (page === null) return false;
  return isLoopback ? loopbackNames.has(page) : page === hostNameOf(`http://${host ?? ''}`);
}

function hostNameOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname : null;
}
