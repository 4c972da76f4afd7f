import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { STREAM_LINE_MAX_BYTES, STREAM_PING_INTERVAL_MS } from '../../api/stream.ts';
import { Authority, createRoot } from '../identity/authority.ts';
import { workload } from '../testing/builders.ts';
import { leafWithUris } from '../testing/leaf-with-uris.ts';
import { StreamFixture, silentLog, versioned, WEB } from '../testing/stream-fixture.ts';
import type { TestSidecar } from '../testing/test-sidecar.ts';
import { until } from '../testing/until.ts';
import { SUBSCRIPTIONS_MAX } from './stream-session.ts';

let fixture: StreamFixture;
beforeEach(async () => {
  await fixture?.stop();
  fixture = await StreamFixture.start();
});
after(() => fixture.stop());

/** id-kp-serverAuth (RFC 5280 4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const VERSION = { hash: 'config-1', policies: {} };

async function isRefused(sidecar: TestSidecar, status: number, code: string, message: RegExp): Promise<void> {
  const error = await sidecar.get('error');
  await sidecar.ended();
  assert.equal(sidecar.status, status);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  assert.deepEqual(sidecar.received.length, 1);
  assert.equal(fixture.server.size, 0);
}

describe('a stream is refused', () => {
  const forbidden = (sidecar: TestSidecar, message: RegExp) => isRefused(sidecar, 403, 'forbidden', message);

  it('without a certificate', () => forbidden(fixture.dial(undefined), /certificate is required/));

  it('with the proxy id of another workload', async () => {
    fixture.source.workloads.set('proxy-pay', workload('shop/pay', { proxyId: 'proxy-pay' }));
    await forbidden(fixture.dial(await fixture.leafOf(undefined, 'proxy-pay')), /another identity/);
  });
  it('with another service account', async () => {
    await forbidden(
      fixture.dial(await fixture.leafOf('spiffe://cluster.local/ns/shop/sa/pay')),
      /another identity/,
    );
  });
  it('with another namespace', async () => {
    await forbidden(
      fixture.dial(await fixture.leafOf('spiffe://cluster.local/ns/evil/sa/web')),
      /another identity/,
    );
  });
  it('with another trust domain', async () => {
    await forbidden(
      fixture.dial(await fixture.leafOf('spiffe://other.example/ns/shop/sa/web')),
      /trust domain/,
    );
  });
  it('once its workload is gone', async () => {
    fixture.source.workloads.clear();
    await forbidden(fixture.dial(await fixture.leafOf()), /no live workload/);
  });
  it('with two proxy ids', async () => {
    await forbidden(fixture.dial(await fixture.leafOf(undefined, 'proxy-web', 'proxy-pay')), /one proxy id/);
  });
  it('with an expired certificate', async () => {
    const names = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-web'] };
    const leaf = await fixture.authority.issue(names, Date.now() - 25 * 3600 * 1000);
    await forbidden(fixture.dial(leaf), /not trusted/);
  });
  it('with a certificate of another authority', async () => {
    const other = await Authority.load(await createRoot('cluster.local', Date.now()));
    const names = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-web'] };
    await forbidden(fixture.dial(await other.issue(names, Date.now())), /not trusted/);
  });
  it('with a certificate that has two SPIFFE IDs', async () => {
    const names = ['spiffe://cluster.local/ns/shop/sa/web', 'spiffe://cluster.local/ns/shop/sa/pay'];
    const leaf = await leafWithUris(fixture.root, names, 'proxy-web');
    await forbidden(fixture.dial(leaf), /2 URI names/);
    await forbidden(fixture.dial(leaf, { path: '/v1/acks' }), /2 URI names/);
  });
  for (const [what, usages, reason] of [
    ['without extended key usage', [], /not for TLS clients/],
    ['for servers only', [SERVER_AUTH], /not trusted/],
  ] as const) {
    it(`with a certificate ${what}`, async () => {
      const name = 'spiffe://cluster.local/ns/shop/sa/web';
      const leaf = await leafWithUris(fixture.root, [name], 'proxy-web', [...usages]);
      await forbidden(fixture.dial(leaf), reason);
      await forbidden(fixture.dial(leaf, { path: '/v1/acks' }), reason);
    });
  }
  it('with one line each in the log, ten a second at most, on every path', async () => {
    const lines: object[] = [];
    const logging = await StreamFixture.start({
      log: { ...silentLog, warn: (data: object, message: string) => void lines.push([data, message]) },
    });
    for (const request of [{}, { path: '/v1/acks' }]) {
      for (let time = 0; time < 6; time++) await logging.dial(undefined, request).ended();
    }
    const reason = 'a client certificate is required';
    assert.deepEqual(lines, [
      ...Array(6).fill([{ reason }, 'a stream was refused']),
      ...Array(4).fill([{ reason }, 'a report was refused']),
    ]);
    await logging.clock.advance(1_000);
    assert.deepEqual(lines.slice(10), [[{ suppressed: 2 }, 'more refusals were not written']]);
    await logging.stop();
  });
  it('when hello names another proxy id than the certificate', async () => {
    const sidecar = fixture.dial(await fixture.leafOf());
    sidecar.hello('proxy-pay');
    await forbidden(sidecar, /another proxy id/);
  });

  it('when it begins with anything but hello', async () => {
    const sidecar = fixture.dial(await fixture.leafOf());
    sidecar.send({ type: 'subscribe', key: 'shop/pay:80' });
    await isRefused(sidecar, 400, 'bad-message', /not hello/);
  });
  it('when no hello comes', async () => {
    const sidecar = fixture.dial(await fixture.leafOf());
    await until(() => fixture.clock.pendingTimers > 0);
    await fixture.clock.advance(10_000);
    await isRefused(sidecar, 408, 'bad-message', /no hello/);
  });
  it('on another path, and with another method', async () => {
    const sidecar = fixture.dial(await fixture.leafOf(), { path: '/v2/stream' });
    await until(() => sidecar.status !== undefined);
    assert.equal(sidecar.status, 404);
    const get = fixture.dial(await fixture.leafOf(), { headers: { ':method': 'GET' } });
    await until(() => get.status !== undefined);
    assert.equal(get.status, 405);
  });
});

describe('a sidecar with an old certificate', () => {
  const HOUR_MS = 3600 * 1000;
  const issue = async (hoursAgo: number) => {
    const names = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-web'] };
    const leaf = await fixture.authority.issue(names, fixture.clock.unixMs() - hoursAgo * HOUR_MS);
    return { ...leaf, trustBundle: fixture.authority.trustBundle };
  };

  for (const [hoursAgo, isDue] of [
    [1, false],
    [14, false],
    [19, true],
  ] as const) {
    it(`is ${isDue ? '' : 'not '}late with one of ${hoursAgo} hours`, async () => {
      const sidecar = fixture.dial(await issue(hoursAgo));
      sidecar.hello('proxy-web');
      await sidecar.get('config');
      assert.equal(fixture.server.isRenewalDue('shop/web'), isDue);
    });
  }

  it('is no longer late once it was told a new one, and is never told an older one', async () => {
    const sidecar = fixture.dial(await issue(19));
    sidecar.hello('proxy-web');
    await sidecar.get('config');
    fixture.source.issued = await issue(20);
    fixture.server.identityChanged('shop/web');
    fixture.source.issued = await issue(0);
    const { certificate } = fixture.source.issued;
    fixture.server.identityChanged('shop/web');
    assert.equal((await sidecar.get('identity')).certificate, certificate);
    assert.equal(sidecar.of('identity').length, 1);
    assert.equal(fixture.server.isRenewalDue('shop/web'), false);
  });

  it('that is not served here is not looked after here', () => {
    assert.equal(fixture.server.isRenewalDue('shop/web'), false);
  });
});

describe('beyond the most streams', () => {
  it('a further one is told to come again', async () => {
    const small = await StreamFixture.start({ maxStreams: 1 });
    const first = await small.join();
    await first.get('config');
    const second = await small.join();
    assert.equal((await second.get('error')).code, 'forbidden');
    assert.equal(second.status, 503);
    await small.stop();
  });
});

describe('an admitted sidecar', () => {
  it('gets its configuration when it has another', async () => {
    const sidecar = await fixture.join({ hash: 'old', policies: {} });
    assert.deepEqual((await sidecar.get('config')).config.version, VERSION);
    assert.equal(sidecar.status, 200);
  });

  it('does not get the configuration that it has', async () => {
    const sidecar = await fixture.join(VERSION);
    fixture.source.configVersion = versioned('config-2');
    await until(() => fixture.server.size === 1);
    fixture.server.configChanged('shop/web');
    assert.equal((await sidecar.get('config')).config.version.hash, 'config-2');
    assert.equal(sidecar.of('config').length, 1);
  });

  it('gets its identity when that is another than the one it showed', async () => {
    const leaf = await fixture.leafOf();
    const sidecar = fixture.dial(leaf);
    sidecar.hello('proxy-web', VERSION);
    fixture.source.issued = { ...leaf, trustBundle: fixture.authority.trustBundle };
    await until(() => fixture.server.size === 1);
    fixture.server.identityChanged('shop/web');
    fixture.source.issued = { ...(await fixture.leafOf()), trustBundle: fixture.authority.trustBundle };
    fixture.server.identityChanged('shop/web');
    const identity = await sidecar.get('identity');
    assert.equal(identity.certificate, fixture.source.issued.certificate);
    assert.equal(identity.trustBundle, fixture.authority.trustBundle);
    assert.equal(sidecar.of('identity').length, 1);
  });

  it('is told of a destination when it subscribes, when it changes, and not after it unsubscribes', async () => {
    const sidecar = await fixture.join(VERSION);
    sidecar.send({ type: 'subscribe', key: 'shop/pay:80' });
    assert.equal((await sidecar.get('destination')).destination, null);
    fixture.source.destinations.set('shop/pay:80', versioned('pay-1'));
    fixture.server.hostsChanged(new Set(['shop/pay']));
    assert.equal((await sidecar.get('destination', 2)).destination.version.hash, 'pay-1');
    fixture.server.hostsChanged(new Set(['shop/pay', 'shop/other']));
    sidecar.send({ type: 'unsubscribe', key: 'shop/pay:80' });
    sidecar.send({ type: 'subscribe', key: '[fd00::1]:80' });
    await sidecar.get('destination', 3);
    fixture.source.destinations.set('shop/pay:80', versioned('pay-2'));
    fixture.source.destinations.set('[fd00::1]:80', versioned('six'));
    fixture.server.hostsChanged(new Set(['shop/pay', 'fd00::1']));
    assert.equal((await sidecar.get('destination', 4)).destination.version.hash, 'six');
  });

  it('is told anew of what it is subscribed to when it has changed itself', async () => {
    const sidecar = await fixture.join(VERSION);
    sidecar.send({ type: 'subscribe', key: 'shop/pay:80' });
    await sidecar.get('destination');
    fixture.source.destinations.set('shop/pay:80', versioned('my-view'));
    fixture.server.consumersChanged(new Set(['shop/other']));
    fixture.server.consumersChanged(new Set(['shop/web']));
    assert.equal((await sidecar.get('destination', 2)).destination.version.hash, 'my-view');
  });

  it('has its acks and nacks recorded', async () => {
    const sidecar = await fixture.join({ hash: 'old', policies: { a: 1 } });
    await sidecar.get('config');
    assert.deepEqual(fixture.acks.get('shop/web')?.config.acked, { hash: 'old', policies: { a: 1 } });
    sidecar.send({ type: 'ack', version: VERSION });
    await until(() => fixture.acks.get('shop/web')?.config.acked?.hash === 'config-1');
    sidecar.send({ type: 'nack', version: { hash: 'x', policies: {} }, reason: 'no\u001b[31m' });
    await until(() => fixture.acks.get('shop/web')?.config.refused !== undefined);
    assert.equal(fixture.acks.get('shop/web')?.config.refused?.reason, 'no?[31m');
  });

  it('cannot ack a destination that it is not subscribed to', async () => {
    const sidecar = await fixture.join(VERSION);
    sidecar.send({ type: 'ack', destination: 'shop/pay:80', version: VERSION });
    sidecar.send({ type: 'subscribe', key: 'shop/other:80' });
    await sidecar.get('destination');
    assert.deepEqual([...fixture.acks.get('shop/web')!.destinations.keys()], ['shop/other:80']);
  });

  it('may say what this version does not know', async () => {
    const sidecar = await fixture.join(VERSION);
    sidecar.send({ type: 'weather', rain: true });
    sidecar.send({ type: 'subscribe', key: 'shop/pay:80' });
    await sidecar.get('destination');
  });

  it('replaces an older stream of the same workload', async () => {
    const first = await fixture.join(VERSION);
    await until(() => fixture.server.size === 1);
    await fixture.join(VERSION);
    assert.equal((await first.get('error')).code, 'replaced');
    await until(() => fixture.acks.get('shop/web')?.connected === true);
    assert.equal(fixture.server.size, 1);
  });
});

describe('a stream ends', () => {
  it('when its workload is gone, and says so', async () => {
    const sidecar = await fixture.join(VERSION);
    await until(() => fixture.server.size === 1);
    fixture.server.gone(WEB.key);
    assert.equal((await sidecar.get('error')).code, 'gone');
    await sidecar.ended();
    assert.equal(fixture.acks.get('shop/web')?.connected, false);
  });

  it('when the control plane restarts, and says so', async () => {
    const sidecar = await fixture.join(VERSION);
    await until(() => fixture.server.size === 1);
    const closing = fixture.server.close();
    const { code, message } = await sidecar.get('error');
    assert.deepEqual([code, message], ['restarting', 'the control plane restarts']);
    await fixture.clock.advance(1_000);
    await closing;
  });

  it('when it is old', async () => {
    const sidecar = await fixture.join(VERSION);
    await until(() => fixture.server.size === 1);
    const stop = setInterval(() => sidecar.send({ type: 'ping' }), 1);
    for (let elapsedMs = 0; !sidecar.of('error').length && elapsedMs <= 31 * 60_000; elapsedMs += 5_000) {
      await fixture.clock.advance(5_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    clearInterval(stop);
    assert.equal((await sidecar.get('error')).code, 'max-age');
    assert.ok(fixture.clock.monotonicMs() >= 30 * 60_000);
  });

  it('when the sidecar is silent for three ping intervals, having been pinged', async () => {
    const sidecar = await fixture.join(VERSION);
    await until(() => fixture.server.size === 1);
    await fixture.clock.advance(STREAM_PING_INTERVAL_MS);
    await sidecar.get('ping');
    await fixture.clock.advance(2 * STREAM_PING_INTERVAL_MS);
    await sidecar.ended();
    assert.equal(fixture.server.size, 0);
  });

  const garbage: [string, string, RegExp][] = [
    ['that is not JSON', '{nonsense\n', /not JSON/],
    ['that is no object', '[1]\n', /not a JSON object/],
    ['without a type', '{}\n', /no type/],
    ['that subscribes to a number', '{"type":"subscribe","key":7}\n', /key/],
    ['that subscribes to an endless key', `{"type":"subscribe","key":"${'x'.repeat(1000)}"}\n`, /key/],
    ['that acks no version', '{"type":"ack"}\n', /version/],
    [
      'that acks generations that are none',
      '{"type":"ack","version":{"hash":"a","policies":{"u":-1}}}\n',
      /version/,
    ],
    ['that is a second hello', '{"type":"hello","proxyId":"proxy-web","agent":"a"}\n', /second hello/],
  ];
  for (const [name, line, message] of garbage) {
    it(`on a message ${name}`, async () => {
      const sidecar = await fixture.join(VERSION);
      sidecar.stream.write(line);
      const error = await sidecar.get('error');
      assert.equal(error.code, 'bad-message');
      assert.match(error.message, message);
      await sidecar.ended();
    });
  }

  it('on a line that does not end', async () => {
    const sidecar = await fixture.join(VERSION);
    sidecar.stream.write('x'.repeat(STREAM_LINE_MAX_BYTES + 1));
    const error = await sidecar.get('error');
    assert.match(error.message, /longer than/);
  });

  it('on one subscription too many', async () => {
    const sidecar = await fixture.join(VERSION);
    for (let port = 1; port <= SUBSCRIPTIONS_MAX + 1; port++)
      sidecar.send({ type: 'subscribe', key: `a/b:${port}` });
    assert.match((await sidecar.get('error')).message, /more than 4096/);
  });

  it('on more messages than any sidecar has to send, each of which would be answered', async () => {
    const sidecar = await fixture.join(VERSION);
    const again = `${JSON.stringify({ type: 'subscribe', key: 'a/b:80' })}\n`;
    sidecar.stream.write(again.repeat(20_000));
    assert.match((await sidecar.get('error')).message, /more than 20000 lines/);
  });
});

describe('a sidecar that does not read', () => {
  it('is told the newest once when it reads again, and costs nothing meanwhile', async () => {
    const sidecar = await fixture.join(VERSION);
    sidecar.send({ type: 'subscribe', key: 'shop/pay:80' });
    await sidecar.get('destination');
    sidecar.stream.pause();
    const CHANGES = 200;
    for (let change = 1; change <= CHANGES; change++) {
      fixture.source.destinations.set('shop/pay:80', versioned(`pay-${change}`, {}, 100_000));
      fixture.server.hostsChanged(new Set(['shop/pay']));
      if (change % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const rendered = fixture.source.asked.length;
    assert.ok(rendered < CHANGES / 2, `${rendered} of ${CHANGES} versions were made`);
    sidecar.stream.resume();
    await until(() => sidecar.received.at(-1)?.destination?.version.hash === `pay-${CHANGES}`);
    assert.ok(sidecar.of('destination').length < CHANGES / 2);
  });
});
