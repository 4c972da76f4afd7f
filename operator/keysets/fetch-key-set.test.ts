import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../clock.ts';
import { answerJson, HOST, type JwksServer, serveJwks } from '../testing/jwks-server.ts';
import { EC_KEY, EC_PRIVATE_KEY } from '../testing/keys.ts';
import { type AddressPolicy, refuseSpecialAddresses } from './address-policy.ts';
import { createKeySetFetcher, type FetcherOptions, maxAgeMs } from './fetch-key-set.ts';
import { explain } from './problem.ts';

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }];
/** The one difference to what runs in production. */
const loopbackToo: AddressPolicy = (address) =>
  address === '127.0.0.1' ? undefined : refuseSpecialAddresses(address);

const fetcherOf = (server: Pick<JwksServer, 'root'>, options: Partial<FetcherOptions> = {}) =>
  createKeySetFetcher({
    ...{ refuses: loopbackToo, extraRoots: server.root, clock: systemClock },
    resolve: async () => LOOPBACK,
    ...options,
  });
const fetching = (server: JwksServer, options?: Partial<FetcherOptions>, uri = server.uri) =>
  fetcherOf(server, options)(uri, new AbortController().signal);
/** How the status of the policy would say it. */
const problemOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => assert.fail('it was fetched'), explain);

const KEYS = { keys: [EC_KEY] };

describe('a key set', () => {
  it('is fetched from the server that the certificate names', async (t) => {
    let asked: unknown;
    const server = await serveJwks(t, (request, response) => {
      asked = [request.method, request.url, request.headers.host, request.headers.authorization];
      answerJson(KEYS, { 'cache-control': 'public, max-age=120' })(request, response);
    });
    const fetched = await fetching(server);
    assert.deepEqual(fetched.keys, [EC_KEY]);
    assert.equal(fetched.maxAgeMs, 120_000);
    assert.deepEqual(asked, ['GET', '/jwks', `${HOST}:${server.port}`, undefined]);
  });

  it('has the same keys in the same order, however they are listed', async (t) => {
    const sets = [
      [EC_KEY, { ...EC_KEY, kid: 'a' }, EC_KEY],
      [{ ...EC_KEY, kid: 'a' }, EC_KEY],
    ];
    const server = await serveJwks(t, (request, response) =>
      answerJson({ keys: sets.shift() })(request, response),
    );
    assert.deepEqual((await fetching(server)).keys, (await fetching(server)).keys);
  });

  it('is had without the keys that are private, symmetric or of no use, of which nothing is told', async (t) => {
    const secret = { kty: 'oct', k: 'c2VjcmV0LXNlY3JldA', kid: 'shared' };
    const others = [EC_PRIVATE_KEY, secret, { kty: 'RSA', n: 'AQAB', e: 'AQAB' }, null, 7, { kty: 'new' }];
    const server = await serveJwks(t, answerJson({ keys: [...others, EC_KEY] }));
    const { keys, ignored } = await fetching(server);
    assert.deepEqual(keys, [EC_KEY]);
    assert.equal(ignored.length, others.length);
    assert.match(ignored[0]!, /keys\[0\] is private/);
    for (const hidden of [EC_PRIVATE_KEY.d!, EC_PRIVATE_KEY.x!, secret.k]) {
      assert.equal(ignored.join().includes(hidden), false);
    }
  });

  it('is not had from a server that', async (t) => {
    const big = 'x'.repeat(300 * 1024);
    const cases: [string, Parameters<typeof serveJwks>[1], RegExp][] = [
      ['answers with an error', (_, response) => response.writeHead(500).end('{"keys":[]}'), /^answers 500$/],
      ['answers with garbage', (_, response) => response.end('<html>'), /no JSON Web Key Set/],
      ['answers with other JSON', answerJson([KEYS]), /no JSON Web Key Set/],
      ['has no keys', answerJson({ keys: [] }), /no key that can be used/],
      ['has only keys that are not public', answerJson({ keys: [EC_PRIVATE_KEY] }), /is private/],
      ['has too many', answerJson({ keys: Array(65).fill(EC_KEY) }), /65 keys, more than 64/],
      ['answers too much', answerJson({ ...KEYS, big }), /more than 262144 bytes/],
      ['compresses', answerJson(KEYS, { 'content-encoding': 'gzip' }), /encoding/],
      ['hangs up', ({ socket }) => socket.destroy(), /could not be fetched/],
      [
        'hangs up in the middle',
        (request, response) => {
          response.writeHead(200, { 'content-length': '100' }).write('{"keys":');
          setTimeout(() => request.socket.destroy(), 10);
        },
        /could not be fetched/,
      ],
    ];
    for (const [what, answer, expected] of cases) {
      await t.test(what, async (t) => {
        const server = await serveJwks(t, answer);
        assert.match(await problemOf(fetching(server)), expected);
      });
    }
  });

  it('is not had by way of a redirection, wherever it leads', async (t) => {
    for (const location of ['/elsewhere', 'https://169.254.169.254/', 'http://127.0.0.1/']) {
      const server = await serveJwks(t, (_, response) => response.writeHead(302, { location }).end());
      assert.match(await problemOf(fetching(server)), /answers 302: redirections are not followed/);
      assert.equal(server.requests(), 1);
    }
  });

  it('is not had from a server whose certificate is of nobody trusted, or of another', async (t) => {
    const server = await serveJwks(t, answerJson(KEYS));
    const untrusting = createKeySetFetcher({
      ...{ refuses: loopbackToo, clock: systemClock, resolve: async () => LOOPBACK },
    });
    const untrusted = untrusting(server.uri, new AbortController().signal);
    assert.match(await problemOf(untrusted), /could not be fetched \(.*certificate/);
    const other = await serveJwks(t, answerJson(KEYS), ['other.example']);
    assert.match(await problemOf(fetching(other)), /could not be fetched \(.*altnames/);
    assert.equal(server.requests() + other.requests(), 0);
  });

  it('is not had from a server that is slow to answer, or to speak at all', async (t) => {
    const slow = await serveJwks(t, (_, response) => void response.writeHead(200).write('{'));
    assert.match(await problemOf(fetching(slow, { totalMs: 150 })), /did not answer within 0.15 s/);
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    t.after(() => silent.close());
    const { port } = silent.address() as { port: number };
    const uri = `https://${HOST}:${port}/`;
    assert.match(await problemOf(fetching(slow, { connectMs: 100 }, uri)), /could not be connected to/);
  });

  it('is not had while its name does not resolve', async (t) => {
    const server = await serveJwks(t, answerJson(KEYS));
    const failing = async () => {
      throw new Error('getaddrinfo ENOTFOUND id.example');
    };
    assert.match(await problemOf(fetching(server, { resolve: failing })), /ENOTFOUND/);
    assert.match(await problemOf(fetching(server, { resolve: async () => [] })), /without an address/);
    const never = () => new Promise<never>(() => {});
    assert.match(await problemOf(fetching(server, { resolve: never, connectMs: 50 })), /connected to/);
  });

  it('is given up when nobody wants it any more', async (t) => {
    const server = await serveJwks(t, () => {});
    const request = new AbortController();
    const fetched = fetcherOf(server)(server.uri, request.signal);
    setTimeout(() => request.abort(), 20);
    assert.match(await problemOf(fetched), /given up/);
  });
});

describe('whoever writes a policy cannot make the operator connect', () => {
  const production = { refuses: refuseSpecialAddresses };
  const attempt = async (t: TestContext, options: Partial<FetcherOptions>, host: string) => {
    const server = await serveJwks(t, answerJson(KEYS));
    const problem = await problemOf(fetching(server, options, `https://${host}:${server.port}/jwks`));
    assert.equal(server.connections(), 0);
    return problem;
  };

  for (const host of [
    ...['127.0.0.1', '127.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '0'],
    ...['169.254.169.254', '[fe80::1]', '[64:ff9b::7f00:1]', '[::]', '224.0.0.1'],
  ]) {
    it(`to ${host}`, async (t) => {
      const resolve = () => assert.fail('nothing to resolve');
      assert.match(await attempt(t, { ...production, resolve }, host), /the operator does not connect there/);
    });
  }

  it('to a name that leads to such an address', async (t) => {
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '169.254.169.254']) {
      const resolve = async () => [{ address, family: address.includes(':') ? 6 : 4 }];
      assert.match(await attempt(t, { ...production, resolve }, HOST), /does not connect there/);
    }
  });

  it('to a name that leads somewhere else the next time it is asked for', async (t) => {
    const answers = ['127.0.0.2', '127.0.0.1'];
    const refuses: AddressPolicy = (address) => (address === '127.0.0.2' ? undefined : 'refused here');
    let asked = 0;
    const resolve = async () => [{ address: answers[asked++] ?? '127.0.0.1', family: 4 }];
    // nobody listens at the first address, and nobody asks again
    assert.match(await attempt(t, { refuses, resolve }, HOST), /ECONNREFUSED 127\.0\.0\.2/);
    assert.equal(asked, 1);
  });

  it('to the bad ones of several addresses', async (t) => {
    const server = await serveJwks(t, answerJson(KEYS));
    const resolve = async () => [{ address: '169.254.169.254', family: 4 }, ...LOOPBACK];
    assert.deepEqual((await fetching(server, { resolve })).keys, [EC_KEY]);
  });

  it('without TLS, or with a password', async (t) => {
    for (const [uri, expected] of [
      [`http://${HOST}/`, /no https address/],
      ['file:///etc/passwd', /no https address/],
      ['nonsense', /no https address/],
      [`https://user:secret@${HOST}/`, /user or password/],
    ] as const) {
      const server = await serveJwks(t, answerJson(KEYS));
      const problem = await problemOf(fetching(server, {}, uri));
      assert.match(problem, expected);
      assert.equal(problem.includes('secret'), false);
    }
  });
});

it('the age that a server allows is read from what RFC 9111 knows', () => {
  for (const [header, expected] of [
    [undefined, undefined],
    ['public', undefined],
    ['max-age=60', 60_000],
    ['public, MAX-AGE=300, immutable', 300_000],
    ['s-maxage=5', undefined],
    ['max-age=nonsense', undefined],
    ['no-store', 0],
    ['max-age=60, no-cache', 0],
  ] as const) {
    assert.equal(maxAgeMs(header), expected, header);
  }
});

it('what a server or its certificate says is told on one line of bounded length', () => {
  const text = explain(new Error(`first\n\u001b[31msecond ${'x'.repeat(1_000)}`));
  assert.match(text, /^could not be fetched \(first \[31msecond x+$/);
  assert.ok(text.length <= 200);
  assert.match(explain(new AggregateError([new Error('refused')])), /refused/);
  assert.match(explain('odd'), /unknown error/);
});
