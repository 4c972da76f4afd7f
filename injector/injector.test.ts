import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { selfSigned } from './certificate.fixture.ts';
import { Injector } from './injector.ts';
import { applyPatch } from './json-patch.ts';
import { type Json, podFixture, reviewFixture, TRUST_BUNDLE } from './pod.fixture.ts';
import { readSettings } from './settings.ts';

interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly serial: string;
}

function post(
  port: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
  path = '/inject',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        rejectUnauthorized: false,
        agent: false,
        headers: { 'content-type': 'application/json', ...headers },
      },
      (response) => {
        const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (some) => {
          text += some;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text), serial }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A mounted Secret: files behind one link that is swapped at once. */
async function mount(directory: string, version: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(directory, version));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, version, name), text);
    await symlink(join('..data', name), join(directory, name)).catch(() => {});
  }
  await unlink(join(directory, '..tmp')).catch(() => {});
  await symlink(version, join(directory, '..tmp'));
  await rename(join(directory, '..tmp'), join(directory, '..data'));
}

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await condition()) return;
    await delay(50);
  }
  assert.fail(`never: ${what}`);
}

describe('the injector', () => {
  let directory: string;
  let injector: Injector;
  const lines: Json[] = [];
  const health = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${injector.healthPort}${path}`);
    return `${response.status} ${(await response.text()).trim()}`;
  };
  const port = () => injector.port ?? 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-injector-'));
    const settings = readSettings({
      WEFT_IMAGE: 'weft:1',
      WEFT_HOST: '127.0.0.1',
      WEFT_PORT: '0',
      WEFT_HEALTH_PORT: '0',
      WEFT_TLS_DIR: directory,
      WEFT_DRAIN_DELAY_MS: '0',
    });
    const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
    injector = new Injector(settings, log);
    await injector.start();
  });
  after(async () => {
    await injector.stop();
    await rm(directory, { recursive: true });
  });

  it('waits for its certificate, alive and saying so', async () => {
    assert.equal(await health('/healthz'), '200 ok');
    assert.equal(await health('/readyz'), '503 waiting for tls.crt and tls.key');
    await until('a line about waiting', () =>
      lines.some(({ msg }) => msg === 'waiting for tls.crt and tls.key'),
    );
    assert.equal(injector.port, undefined);
  });

  it('serves once the certificate is there, and asks to try again until the trust bundle is', async () => {
    const { cert, key } = await selfSigned('0a');
    await mount(directory, '..1', { 'tls.crt': cert, 'tls.key': key });
    await until('serving', () => injector.port !== undefined);
    assert.equal(await health('/readyz'), '503 waiting for the trust bundle');
    const refused = await post(port(), JSON.stringify(reviewFixture(podFixture())));
    assert.equal(refused.body.response.status.code, 503);
    await mount(directory, '..2', { 'tls.crt': cert, 'tls.key': key, 'ca.crt': TRUST_BUNDLE });
    assert.equal(await health('/readyz'), '200 ok');
  });

  it('injects a pod, with an id of its own each time', async () => {
    const ids = new Set<string>();
    for (let round = 0; round < 2; round++) {
      const { status, body } = await post(port(), JSON.stringify(reviewFixture(podFixture())));
      assert.equal(status, 200);
      assert.equal(body.apiVersion, 'admission.k8s.io/v1');
      assert.equal(body.response.uid, reviewFixture({}).request.uid);
      assert.equal(body.response.patchType, 'JSONPatch');
      const operations = JSON.parse(Buffer.from(body.response.patch, 'base64').toString());
      const pod = applyPatch(podFixture(), operations);
      const id = pod.metadata.annotations['weft.dev/proxy'];
      assert.match(id, /^[a-z0-9]{20}$/);
      ids.add(id);
    }
    assert.equal(ids.size, 2);
  });

  it('says what it did in its log, and nothing secret', async () => {
    await post(port(), JSON.stringify(reviewFixture(podFixture({ hostNetwork: true }), { dryRun: true })));
    const { namespace, pod, outcome, dryRun, warnings } = lines.at(-1);
    assert.deepEqual([namespace, pod, outcome, dryRun], ['shop', 'shop-', 'Unchanged', true]);
    assert.match(warnings[0], /hostNetwork/);
    assert.ok(!JSON.stringify(lines).includes('PRIVATE KEY'));
  });

  it('tells what to do where Pod Security would refuse what it injected, and lets other pods pass', async () => {
    const labelled = podFixture({}, { labels: { 'weft.dev/injected': 'true' } });
    const ask = async (pod: Json) =>
      (await post(port(), JSON.stringify(reviewFixture(pod)), {}, '/pod-security')).body.response;
    const { allowed, status } = await ask(labelled);
    assert.deepEqual([allowed, status.code], [false, 403]);
    assert.match(status.message, /^weft: namespace shop enforces Pod Security/);
    assert.match(status.message, /enforce=privileged.*, or the pod weft.dev\/inject=disabled/);
    const passed = await ask(podFixture());
    assert.deepEqual([passed.allowed, passed.patch], [true, undefined]);
    assert.equal((await ask({ spec: {} })).status.code, 400);
  });

  it('answers a review about a malformed pod with a review', async () => {
    const { status, body } = await post(
      port(),
      JSON.stringify(reviewFixture({ spec: { containers: [{}] } })),
    );
    assert.equal(status, 200);
    assert.equal(body.response.allowed, false);
    assert.equal(body.response.status.code, 400);
    assert.match(body.response.status.message, /^weft: the object is not a pod: \/spec\/containers\/0/);
  });

  const json = JSON.stringify;
  const rubbish: [string, string | Buffer, number, Record<string, string>?][] = [
    ['nothing', '', 400],
    ['text', 'hello', 400],
    ['half a document', '{"kind":', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a prototype', '{"__proto__":{"a":1}}', 400],
    ['bytes', Buffer.from([0xff, 0xfe, 0, 1]), 400],
    ['an old review', json({ ...reviewFixture(podFixture()), apiVersion: 'admission.k8s.io/v1beta1' }), 400],
    ['a review without a request', json({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }), 400],
    ['a review without a uid', json(reviewFixture(podFixture(), { uid: '' })), 400],
    ['a pod', json(podFixture()), 400],
    ['too much', json(reviewFixture(podFixture({ x: 'x'.repeat(4 * 1024 * 1024) }))), 413],
    ['another type', 'a: b', 415, { 'content-type': 'application/yaml' }],
  ];
  for (const [what, body, status, headers] of rubbish) {
    it(`answers ${what} with ${status} and a reason, and lives`, async () => {
      const answer = await post(port(), body, headers).catch((error: NodeJS.ErrnoException) => {
        // The rest of a body that is too large is not read; its sender may see the connection end first.
        if (status === 413 && (error.code === 'EPIPE' || error.code === 'ECONNRESET')) return undefined;
        throw error;
      });
      if (answer !== undefined) {
        assert.equal(answer.status, status);
        assert.ok(answer.body.message.length > 5, answer.body.message);
      }
      assert.equal(await health('/healthz'), '200 ok');
    });
  }

  it('knows no other path', async () => {
    assert.equal((await post(port(), '{}', {}, '/mutate')).status, 404);
    assert.match(await health('/metrics'), /^404/);
  });

  it('keeps its certificate when the next one is broken, and takes the one after', async () => {
    const [second, third] = await Promise.all([selfSigned('0b'), selfSigned('0c')]);
    await mount(directory, '..3', { 'tls.crt': second.cert, 'tls.key': third.key, 'ca.crt': TRUST_BUNDLE });
    await until('a line about it', () => lines.some(({ msg }) => /the old one stays/.test(msg)));
    const review = JSON.stringify(reviewFixture(podFixture()));
    assert.equal((await post(port(), review)).serial, '0A');
    await mount(directory, '..4', { 'tls.crt': third.cert, 'tls.key': third.key, 'ca.crt': TRUST_BUNDLE });
    await until('the new certificate', async () => (await post(port(), review)).serial === '0C');
  });

  it('takes a new trust bundle at once', async () => {
    const files = await selfSigned('0d');
    const bundle = `${TRUST_BUNDLE}${TRUST_BUNDLE}`;
    await mount(directory, '..5', { 'tls.crt': files.cert, 'tls.key': files.key, 'ca.crt': bundle });
    const { body } = await post(port(), JSON.stringify(reviewFixture(podFixture())));
    const patch = Buffer.from(body.response.patch, 'base64').toString();
    assert.ok(patch.includes(JSON.stringify(bundle).slice(1, -1)));
  });
});
