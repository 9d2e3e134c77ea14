import type { AddressInfo, Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { ApiError } from './api-error.ts';
import { hostOf, isHostAllowed } from './host-guard.ts';
import type { MetricSample } from './metrics-table.ts';
import { ProcessSampler } from './process-samples.ts';
import { metricsContentType, renderMetrics } from './render-metrics.ts';
import { startPage } from './start-page.ts';

export interface AdminServerOptions {
  readonly bind: { readonly host: string; readonly port: number };
  /** Whether only this machine can reach `bind`. Then the Host header must name this machine too. */
  readonly isLoopback: boolean;
  /** Further host names by which the server may be called on loopback. */
  readonly hosts: readonly string[];
  /** Whether /metrics answers without a credential. */
  readonly isMetricsOpen: boolean;
  readonly log: Logger;
  readonly health: Health;
  /** What the broker knows in numbers. Called once per scrape; must not take long. */
  collect(): readonly MetricSample[];
}

export interface Health {
  /** Whether clients are served. */
  isReady(): boolean;
  /** Why not, in words; empty when ready. */
  reasons(): readonly string[];
}

export interface AdminServer {
  /** Listens; throws an OperationalError `admin-bind` that says how to mend it. Called once. */
  start(): Promise<{ address: string; port: number }>;
  /** Closes the door and every connection. May be called at any time, more than once. */
  close(): Promise<void>;
}

// Bounds of what a stranger can cost.
const headerBytesMax = 16 * 1024;
const bodyBytesMax = 64 * 1024;
const requestTimeoutMs = 10_000;
const keepAliveTimeoutMs = 5000;
const timeoutCheckMs = 2000;
const connectionsMax = 512;

/** The HTTP server for health and metrics. Says nothing of versions, answers errors as JSON, never shows a stack. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const app = createApp(options.log);
  guardHost(app, options);
  addRoutes(app, options);
  return {
    async start() {
      try {
        await app.listen({ host: options.bind.host, port: options.bind.port });
      } catch (error) {
        throw bindError(error as NodeJS.ErrnoException, options.bind);
      }
      const { address, port } = app.server.address() as AddressInfo;
      return { address, port };
    },
    close: () => app.close(),
  };
}

function createApp(log: Logger): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    forceCloseConnections: true,
    http: { maxHeaderSize: headerBytesMax, headersTimeout: requestTimeoutMs, connectionsCheckingInterval: timeoutCheckMs },
    clientErrorHandler: refuseGarbage,
    frameworkErrors: (_error, _request, reply) => {
      void sendError(reply, new ApiError(400, 'bad-request', 'The request cannot be understood.'));
    },
  });
  app.server.maxConnections = connectionsMax;
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(everyAnswer);
    done();
  });
  app.setNotFoundHandler((_request, reply) =>
    sendError(reply, new ApiError(404, 'not-found', 'There is nothing here. GET / lists what is.')),
  );
  app.setErrorHandler((error, request, reply) => sendError(reply, toApiError(error, request, log)));
  return app;
}

const everyAnswer = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function guardHost(app: FastifyInstance, { bind, isLoopback, hosts }: AdminServerOptions): void {
  if (!isLoopback) return;
  const allowed = new Set(['localhost', bind.host.toLowerCase(), ...hosts.map((host) => host.toLowerCase())]);
  app.addHook('onRequest', (request, _reply, done) => {
    if (isHostAllowed(request.headers.host, allowed)) return done();
    const name = hostOf(request.headers.host ?? '') ?? 'this name';
    done(new ApiError(421, 'misdirected', `This server is not called ${name}. Use localhost, or add the name to admin.hosts.`));
  });
}

function addRoutes(app: FastifyInstance, options: AdminServerOptions): void {
  const { health, isMetricsOpen } = options;
  const processSampler = new ProcessSampler();
  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(startPage));
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => {
    if (health.isReady()) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reasons: health.reasons() });
  });
  app.get('/metrics', async (_request, reply) => {
    if (!isMetricsOpen) throw new ApiError(403, 'metrics-closed', 'Metrics are closed here: see admin.metrics in the configuration.');
    const ready: MetricSample = { name: 'wrenmq_ready', value: health.isReady() ? 1 : 0 };
    const samples = [ready, ...options.collect(), ...(await processSampler.sample())];
    return reply.type(metricsContentType).send(await renderMetrics(samples));
  });
}

function sendError(reply: FastifyReply, error: ApiError): FastifyReply {
  return reply.code(error.status).headers(everyAnswer).type('application/json; charset=utf-8').send(JSON.stringify(error));
}

/** What the caller may know of an error: of ours everything, of fastify's the status, of the rest nothing. */
function toApiError(error: unknown, request: FastifyRequest, log: Logger): ApiError {
  if (error instanceof ApiError) return error;
  const { statusCode } = error as { statusCode?: unknown };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new ApiError(statusCode, 'bad-request', 'The request cannot be accepted.');
  }
  log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'an admin request failed');
  return new ApiError(500, 'internal', 'Something went wrong here; the log says what.');
}

/** Answers what is no HTTP, too large or too slow, and closes. */
function refuseGarbage(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

function bindError(error: NodeJS.ErrnoException, bind: AdminServerOptions['bind']): OperationalError {
  const where = bind.host.includes(':') ? `[${bind.host}]:${bind.port}` : `${bind.host}:${bind.port}`;
  const remedy = `Choose another address (--set admin.bind=127.0.0.1:0 takes any free port) or switch it off (--set admin.enabled=false).`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there',
    EACCES: 'this user may not use that port',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ENOTFOUND: 'the host name is unknown',
  };
  const reason = reasons[error.code ?? ''] ?? error.message;
  return new OperationalError('admin-bind', `The admin server cannot listen on ${where}: ${reason}. ${remedy}`, { cause: error });
}
