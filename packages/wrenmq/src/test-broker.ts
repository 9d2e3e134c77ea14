/** A broker that does nothing but report what it is told; TEST_BROKER chooses how it behaves. */
import type { LoadedConfig } from '@wrenmq/broker/administration';
import type { Log } from './create-log.ts';

interface Options {
  readonly config: LoadedConfig;
  readonly log: Log['logger'];
}

const behaviour = process.env['TEST_BROKER'];

export function createBroker({ config, log }: Options) {
  const failure = Promise.withResolvers<never>();
  const alive = setInterval(() => {}, 1e6);
  const { dataDirectory, durability } = config.config;
  return {
    failed: failure.promise,
    async start() {
      if (behaviour === 'refused')
        throw Object.assign(new Error('listen EADDRINUSE: address already in use 127.0.0.1:1883'), {
          code: 'EADDRINUSE',
          syscall: 'listen',
        });
      if (behaviour === 'fails') {
        log.fatal({}, 'the flush failed');
        failure.reject(new Error('the flush failed'));
      }
      if (behaviour === 'throws')
        setImmediate(() => {
          throw new TypeError('a bug');
        });
      log.info({ dataDirectory, durability }, 'started');
      return {
        listeners: [{ name: 'tcp', kind: 'tcp', address: '127.0.0.1', port: 4711 }],
        admin: { address: '127.0.0.1', port: 4712 },
        certificateAuthority: null,
      };
    },
    async stop() {
      log.info({}, 'stop was called');
      if (behaviour === 'stuck') await new Promise(() => {});
      clearInterval(alive);
    },
    async reload(next: LoadedConfig) {
      log.info({ level: next.config.log.level }, 'reload was called');
    },
  };
}
