/** The bundled client in a browser, over WebSocket, against our broker. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type * as core from '@wrenmq/client';
import type { indexedDbStore } from '@wrenmq/client/store/indexeddb';
import { launchBroker, type LaunchedBroker, WireClient, publishBytes } from '@wrenmq/testkit';
import { needs } from '#root/test/interop/interop.ts';
import { bundleForBrowser } from './bundle.ts';
import { judge, startWitness } from './witness.ts';

const CHROMIUM = '/usr/bin/chromium';
const options = { timeout: 120_000, ...needs(CHROMIUM, 'chromium') };

const SOURCE = `
import * as core from '@wrenmq/client';
import { indexedDbStore } from '@wrenmq/client/store/indexeddb';
globalThis.wren = { ...core, indexedDbStore };
`;

/** What the bundle leaves in the page. */
declare const wren: typeof core & { indexedDbStore: typeof indexedDbStore };

let broker: LaunchedBroker;
let server: Server;
let browser: Browser;
let pageUrl: string;
let brokerUrl: string;

before(async () => {
  if (options.skip !== false) return;
  const { start, later } = await bundleForBrowser(SOURCE);
  const scripts = new Map([...start, ...later].map(({ fileName, code }) => [`/${fileName}`, code]));
  server = createServer((request, response) => {
    const script = scripts.get(request.url!);
    if (script !== undefined) response.setHeader('content-type', 'text/javascript').end(script);
    else
      response
        .setHeader('content-type', 'text/html')
        .end(`<!doctype html><title>page</title><script type="module" src="/${start[0].fileName}"></script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  pageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  broker = await launchBroker();
  const { host, port } = broker.target('ws');
  brokerUrl = `ws://${host}:${port}/mqtt`;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
});

after(async () => {
  await browser?.close();
  await broker?.close();
  server?.close();
});

/** A page of its own user. What goes wrong in it fails the test. */
async function openPage(context?: BrowserContext): Promise<Page> {
  const page = await (context ?? (await browser.newContext())).newPage();
  page.on('pageerror', (error) => assert.fail(`in the page: ${error.stack}`));
  await page.goto(pageUrl, { waitUntil: 'load' });
  return page;
}

test('a page publishes, subscribes, and gets what others publish', options, async () => {
  const page = await openPage();
  const fromPage = await WireClient.open(broker.target());
  await fromPage.connect({ clientId: 'other' });
  await fromPage.subscribe({ filter: 'page/+', qos: 1 });
  const received = page.evaluate(async (url) => {
    const client = await wren.connect(url, { clientId: 'page' });
    const subscription = await client.subscribe('world/{name}', { qos: 2 });
    await client.publish('page/hello', 'from the page', { qos: 1 });
    const payloads: string[] = [];
    for await (const message of subscription) {
      payloads.push(`${message.params.name}: ${message.text()}`);
      if (payloads.length === 2) break;
    }
    await client.close();
    return { payloads, version: client.protocolVersion };
  }, brokerUrl);
  const publish = await fromPage.expect('publish');
  assert.equal(publish.payload.toString(), 'from the page');
  fromPage.send(
    publishBytes(5, { topic: 'world/one', payload: Buffer.from('äöü') }),
    publishBytes(5, { topic: 'world/two', payload: Buffer.from('2') }),
  );
  assert.deepEqual(await received, { payloads: ['one: äöü', 'two: 2'], version: 5 });
  await fromPage.cut();
  await page.context().close();
});

test('a page brings a transport of its own, for which more is loaded', options, async () => {
  const page = await openPage();
  const loaded: string[] = [];
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
  const text = await page.evaluate(async (url) => {
    const transport = async (): Promise<Awaited<ReturnType<core.TransportFactory>>> => {
      const socket = new WebSocket(url, 'mqtt');
      socket.binaryType = 'arraybuffer';
      await new Promise((resolve) => socket.addEventListener('open', resolve));
      const readable = new ReadableStream<Uint8Array>({
        start: (controller) => socket.addEventListener('message', ({ data }) => controller.enqueue(new Uint8Array(data as ArrayBuffer))),
      });
      return { readable, write: (bytes) => socket.send(bytes), close: () => socket.close() };
    };
    const client = await wren.connect('own://transport', { transport });
    const subscription = await client.subscribe('own/transport', { qos: 1 });
    await client.publish('own/transport', 'through it', { qos: 1 });
    let received = '';
    for await (const message of subscription) {
      received = message.text();
      break;
    }
    await client.close();
    return received;
  }, brokerUrl);
  assert.equal(text, 'through it');
  assert.equal(loaded.length, 1);
  assert.match(loaded[0], /adapt-streams/);
  await page.context().close();
});

test('a page that is reloaded in the middle of a QoS 2 queue loses nothing and doubles nothing', options, async (t) => {
  const witness = await startWitness(t, broker.target(), 'queue/#');
  const page = await openPage();
  try {
    const taken = new Set<string>();
    let onTaken: () => void = () => undefined;
    await page.exposeFunction('tell', (id: string) => {
      taken.add(id);
      onTaken();
    });
    const enqueue = ([url, round]: readonly [string, number]): void => {
      const { tell } = globalThis as unknown as { tell: (id: string) => void };
      const client = wren.createClient(url, {
        clientId: 'queue',
        session: { store: wren.indexedDbStore('test') },
        outbound: { maxInflight: 3 },
        reconnect: { minDelay: 10, maxDelay: 50 },
      });
      const run = async (): Promise<void> => {
        for (let number = 0; number < 2_000; number += 1) {
          await client.enqueue('queue/messages', `${round}-${number}`, { qos: 2 });
          tell(`${round}-${number}`);
        }
      };
      run().catch((error: unknown) => tell(`error ${String(error)}`));
    };
    for (const [round, count] of [30, 1, 120, 5, 60].entries()) {
      await page.evaluate(enqueue, [brokerUrl, round] as const);
      const start = taken.size;
      while (taken.size < start + count) await new Promise<void>((resolve) => (onTaken = resolve));
      // The page is in the middle of it.
      await page.reload({ waitUntil: 'load' });
    }
    const left = await page.evaluate(async (url) => {
      const client = wren.createClient(url, { clientId: 'queue', session: { store: wren.indexedDbStore('test') } });
      await client.online();
      const { queued, inflight } = client.stats;
      await client.drain();
      await client.publish('queue/messages', 'end', { qos: 2 });
      await client.close();
      return queued + inflight;
    }, brokerUrl);
    assert.deepEqual(
      [...taken].filter((id) => id.startsWith('error')),
      [],
    );
    assert.deepEqual(judge(taken, await witness.payloads()), { lost: [], doubled: [] });
    assert.ok(left > 0, 'nothing was left in the queue at the last reload');
  } finally {
    await page.context().close();
  }
});

test('a second tab gets SESSION_LOCKED, and the session when the first is closed', options, async () => {
  const open = async (url: string): Promise<string> => {
    const client = wren.createClient(url, { session: { store: wren.indexedDbStore('tabs') } });
    try {
      await client.online();
      return 'online';
    } catch (error) {
      return (error as core.MqttError).code;
    }
  };
  const first = await openPage();
  assert.equal(await first.evaluate(open, brokerUrl), 'online');
  const second = await openPage(first.context());
  assert.equal(await second.evaluate(open, brokerUrl), 'SESSION_LOCKED');
  await first.close();
  assert.equal(await second.evaluate(open, brokerUrl), 'online');
  await second.context().close();
});
