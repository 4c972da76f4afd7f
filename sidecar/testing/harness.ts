import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { AuthorizationRule, ProxyConfig } from '../../api/proxy-config.ts';
import { Pair, type PairOptions } from './pair.ts';
import { ok, record, serveHttp, type TestServer } from './wire.ts';

/** Closed in reverse order when the test file is done. */
export const toClose: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of toClose.reverse()) await close();
});

/** A pair in front of an app; both end with the test file. */
export async function start(app: TestServer, options: Omit<PairOptions, 'appPort'> = {}): Promise<Pair> {
  const pair = await Pair.start({ appPort: app.port, ...options });
  toClose.push(app.close, () => pair.stop());
  return pair;
}

/** The same with a recorder between the two sides. */
export async function startRecorded(
  app: TestServer,
): Promise<{ readonly pair: Pair; readonly wire: () => string }> {
  let bytes = (): Buffer => Buffer.alloc(0);
  const via = async (inboundPort: () => number) => {
    const relay = await record(inboundPort);
    toClose.push(relay.close);
    bytes = relay.bytes;
    return relay.port;
  };
  const pair = await start(app, { via });
  return { pair, wire: () => bytes().toString('latin1') };
}

/** Inbound configuration: Permissive and open, but for what is given. */
export function inbound(
  rules: readonly AuthorizationRule[],
  port: Partial<ProxyConfig['inbound']['ports'][number]> = {},
): ProxyConfig['inbound'] {
  return { ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow', ...port }], rules: [...rules] };
}

export const DENY_ADMIN: AuthorizationRule = {
  policy: 'shop/api',
  name: 'no-admin',
  action: 'Deny',
  mode: 'Enforce',
  to: [{ paths: ['/admin/**'] }],
};

export const get = (path = '/', more = ''): string => `GET ${path} HTTP/1.1\r\nHost: api\r\n${more}\r\n`;
/** A request with which the connection ends. */
export const last = (path = '/', more = ''): string => get(path, `Connection: close\r\n${more}`);
/** An app that answers with the head it was sent. */
export const echoHead = (): Promise<TestServer> => serveHttp((head) => ok(head));

export const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

/** Waits for something that is to come true soon; throws when it does not. */
export async function until(isTrue: () => boolean, what = isTrue.toString()): Promise<void> {
  for (let waits = 0; !isTrue(); waits += 1) {
    if (waits > 400) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}

/** Resolves with what a counter stands at when it stands still, or after six seconds. */
export async function stillness(counter: () => number): Promise<number> {
  let before = -1;
  for (let round = 0; round < 40 && counter() !== before; round += 1) {
    before = counter();
    await sleep(150);
  }
  assert.equal(counter(), before, 'it goes on and on');
  return before;
}
