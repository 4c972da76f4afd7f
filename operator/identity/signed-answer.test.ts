import 'reflect-metadata';
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as x509 from '@peculiar/x509';
import type { RootMaterial } from '../platform.ts';
import { leafOf, sign } from '../testing/test-issuer.ts';
import { createRoot } from './authority.ts';
import { IssuerError } from './issuer-error.ts';
import { exportKey, generateKeys } from './leaf-keys.ts';
import { type Asked, checkAnswer, type SignedAnswer } from './signed-answer.ts';
import { signingRequest } from './signing-request.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 24 * 3600 * 1000;
const WEB = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-1'] };

let root: RootMaterial;
let asked: Asked;
let request: string;
let good: SignedAnswer;
before(async () => {
  root = await createRoot('the issuer', NOW - DAY_MS);
  const keys = await generateKeys();
  asked = { privateKey: await exportKey(keys.privateKey), request: WEB, lifetimeMs: DAY_MS };
  request = await signingRequest(keys, WEB);
  good = { certificate: await sign(root, request, NOW, DAY_MS), ca: root.certificate };
});

const check = (answer: Partial<SignedAnswer>, trusted: readonly string[] = []) =>
  checkAnswer({ ...good, ...answer }, asked, trusted, NOW);
const refused = (answer: Partial<SignedAnswer>, why: RegExp, trusted?: readonly string[]) =>
  assert.throws(
    () => check(answer, trusted),
    (error) => error instanceof IssuerError && error.problem === 'BadAnswer' && why.test(error.message),
  );
/** Another request of the same key. */
const signed = (nowMs: number, lifetimeMs: number, more: readonly x509.Extension[] = [], by = root) =>
  sign(by, request, nowMs, lifetimeMs, more);

describe('what an issuer answers', () => {
  it('is a leaf of the key and the names that were asked for, and its root', () => {
    assert.deepEqual(check({}), { certificate: good.certificate, root: root.certificate });
  });
  it('may hold its chain, which is left away, and other roots', async () => {
    const other = await createRoot('another', NOW);
    const leaf = check({
      certificate: good.certificate + root.certificate,
      ca: other.certificate + root.certificate,
    });
    assert.deepEqual(leaf, { certificate: good.certificate, root: root.certificate });
  });
  it('need not name the root when it is one that is trusted', () => {
    assert.equal(check({ ca: '' }, [root.certificate]).root.trim(), root.certificate.trim());
  });
  it('may live shorter than was asked', async () => {
    assert.ok(check({ certificate: await signed(NOW, DAY_MS / 24) }));
  });
});

describe('is refused', () => {
  it('without a certificate', () => {
    refused({ certificate: '' }, /holds no certificate/);
    refused({ certificate: 'nonsense' }, /holds no certificate/);
  });
  it('with one that cannot be read', () => {
    const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    refused({ certificate: block }, /cannot be read/);
    refused({ ca: block }, /cannot be read/);
  });
  it('for another key', async () => {
    refused({ certificate: (await leafOf(root, NOW)).certificate }, /another key/);
  });
  for (const [what, names] of [
    ['another identity', { ...WEB, spiffeId: 'spiffe://cluster.local/ns/shop/sa/admin' }],
    ['no identity', { ...WEB, spiffeId: undefined }],
    ['a name more', { ...WEB, dnsNames: ['proxy-1', 'proxy-2'] }],
    ['a name less', { ...WEB, dnsNames: [] }],
  ] as const) {
    it(`with ${what}`, () => {
      const of = { ...asked, request: names };
      assert.throws(() => checkAnswer(good, of, [], NOW), /its names are others/);
    });
  }
  it('as a CA', async () => {
    const keys = await generateKeys();
    const ca = await x509.X509CertificateGenerator.createSelfSigned({
      ...{ keys, name: 'CN=x', notBefore: new Date(NOW), notAfter: new Date(NOW + DAY_MS) },
      extensions: [
        new x509.BasicConstraintsExtension(true),
        new x509.SubjectAlternativeNameExtension([
          { type: 'url', value: WEB.spiffeId },
          { type: 'dns', value: 'proxy-1' },
        ]),
      ],
    });
    const of = { ...asked, privateKey: await exportKey(keys.privateKey) };
    const certificate = ca.toString('pem');
    assert.throws(() => checkAnswer({ certificate, ca: certificate }, of, [], NOW), /is a CA certificate/);
  });
  it('for TLS servers alone', async () => {
    const made = await x509.X509CertificateGenerator.create({
      ...{ subject: 'CN=x', issuer: 'CN=y', notBefore: new Date(NOW), notAfter: new Date(NOW + DAY_MS) },
      publicKey: new x509.Pkcs10CertificateRequest(request).publicKey,
      signingKey: (await generateKeys()).privateKey,
      extensions: [
        ...new x509.Pkcs10CertificateRequest(request).extensions,
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ],
    });
    refused({ certificate: made.toString('pem') }, /not for both TLS servers and TLS clients/);
  });
  it('when it has ended, begins later, or lives longer than was asked', async () => {
    refused({ certificate: await signed(NOW - 2 * DAY_MS, DAY_MS) }, /already ended/);
    refused({ certificate: await signed(NOW + DAY_MS / 2, DAY_MS / 4) }, /not valid yet/);
    refused({ certificate: await signed(NOW, 2 * DAY_MS) }, /lives longer/);
  });
  it('of an issuer that names no CA, when none that is trusted has signed it', async () => {
    const other = await createRoot('another', NOW);
    refused({ ca: '' }, /names no CA/, [other.certificate]);
  });
  it('of a CA that is no root', async () => {
    refused({ ca: good.certificate }, /is no root/);
  });
  it('of a root that has not signed it', async () => {
    refused({ ca: (await createRoot('another', NOW)).certificate }, /has not signed it: intermediates/);
  });
  it('of a root that has ended', async () => {
    const old = await createRoot('the issuer', NOW - DAY_MS, DAY_MS / 2);
    const certificate = await signed(NOW, DAY_MS, [], old);
    refused({ certificate, ca: old.certificate }, /its root has ended/);
  });
});
