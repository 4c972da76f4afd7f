import 'reflect-metadata';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import * as x509 from '@peculiar/x509';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { until } from '../kubernetes/testing/until.ts';
import { leafOf, TestIssuer } from '../testing/test-issuer.ts';
import { Authority } from './authority.ts';
import { Issuer } from './issuer.ts';
import { IssuerError, type IssuerProblem } from './issuer-error.ts';
import { importKey } from './leaf-keys.ts';
import { steady } from './rotation.ts';
import { fingerprintOf } from './trust-bundle.ts';

const HOUR_MS = 3600 * 1000;
const LEAF_MS = 24 * HOUR_MS;
const OWN = { spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator', dnsNames: ['o.svc'] };
const WEB = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-1'] };

let clock: FakeClock;
let client: TestIssuer;
let issuer: Issuer;
let logged: string[];
beforeEach(async () => {
  clock = new FakeClock();
  client = new TestIssuer(clock);
  logged = [];
  await client.newRoot();
  const note = (data: object, message: string) => void logged.push(`${message} ${JSON.stringify(data)}`);
  const log = { debug() {}, info: note, warn: note, error: note };
  issuer = new Issuer({ client, ownRequest: OWN, clock, random: () => 0.5, log });
});

const ask = () => issuer.ask(WEB, LEAF_MS, []);
const rejects = (problem: IssuerProblem, asked: Promise<unknown> = ask()) =>
  assert.rejects(asked, (error) => error instanceof IssuerError && error.problem === problem);

describe('an issuer elsewhere', () => {
  it('is asked with a key made here, and what it signs with is remembered', async () => {
    const { certificate, privateKey } = await ask();
    assert.match(privateKey, /BEGIN PRIVATE KEY/);
    assert.ok(new X509Certificate(certificate).subjectAltName!.includes(WEB.spiffeId));
    assert.equal(fingerprintOf(issuer.offered!), fingerprintOf(client.root.certificate));
    assert.equal(issuer.metrics().weft_operator_issuer_issued_total, 1);
    const { failingSince, pending } = issuer.report(false);
    assert.deepEqual([failingSince, pending], [undefined, 0]);
  });

  it('is asked for eight at a time, the others wait', async () => {
    const gate = Promise.withResolvers<void>();
    client.change = async (answer) => {
      await gate.promise;
      return answer;
    };
    const asked = Array.from({ length: 20 }, ask);
    await until('eight wait for their answer', () => client.asked === 8);
    assert.equal(issuer.report(false).pending, 20);
    assert.equal(client.asked, 8);
    gate.resolve();
    await Promise.all(asked);
    assert.equal(client.asked, 20);
    assert.equal(issuer.report(false).pending, 0);
  });

  it('tells more than 512 that wait to come again', async () => {
    client.change = () => new Promise(() => {});
    const asked = Array.from({ length: 521 }, () =>
      ask().then(
        () => '',
        (error: Error) => error.message,
      ),
    );
    assert.match(await Promise.race(asked), /too many certificates wait/);
    assert.equal(issuer.report(false).pending, 520);
  });

  it('that does not answer is left alone for a while, then asked by one', async () => {
    client.isAway = true;
    await rejects('TimedOut');
    for (let times = 0; times < 5; times++) await rejects('TimedOut');
    assert.equal(client.asked, 1);
    assert.match(issuer.report(false).reason!, /^TimedOut: it is away$/);
    await clock.advance(1_000);
    const several = Array.from({ length: 5 }, () => rejects('TimedOut'));
    await Promise.all(several);
    assert.equal(client.asked, 2);
    client.isAway = false;
    await clock.advance(60_000);
    await ask();
    assert.equal(issuer.report(false).failingSince, undefined);
    assert.equal(logged.filter((line) => /was not issued/.test(line)).length, 1);
    assert.ok(logged.some((line) => /signs again/.test(line)));
  });

  it('that denies one is still asked for others, and its words are cut to a line', async () => {
    const { sign } = client;
    client.sign = () => Promise.reject(new IssuerError('Denied', 'the request was denied: not you'));
    await rejects('Denied');
    client.sign = sign;
    await ask();
  });

  it('that answers with another’s certificate is told of in log and report, without keys', async () => {
    client.change = async (answer) => ({
      ...answer,
      certificate: (await leafOf(client.root, clock.unixMs())).certificate,
    });
    await rejects('BadAnswer');
    assert.match(issuer.report(false).reason!, /^BadAnswer: .*another key/);
    assert.equal(issuer.offered, undefined);
    assert.doesNotMatch(logged.join(), /BEGIN/);
  });

  it('that fails in an unexpected way is unreachable', async () => {
    client.sign = () => Promise.reject(new Error('boom'));
    await rejects('Unreachable');
  });
});

describe('an authority whose root is of an issuer', () => {
  const open = async (withIssuer = true) => {
    await issuer.probe(LEAF_MS, []);
    const root = { certificate: client.root.certificate, privateKey: '' };
    return Authority.load(root, LEAF_MS, withIssuer ? issuer : undefined);
  };
  const rotation = { leafLifetimeMs: LEAF_MS + 60_000, rotateAfter: 0.8, isExternal: true };

  it('hands out what it signs', async () => {
    const authority = await open();
    const leaf = await authority.issue(WEB, clock.unixMs());
    assert.ok(authority.signed(new X509Certificate(leaf.certificate)));
    assert.ok(authority.ownsKey(new X509Certificate(leaf.certificate), leaf.privateKey));
  });

  it('holds back what it signs with a new root, and asks nobody then', async () => {
    const authority = await open();
    await client.newRoot();
    await rejects('HeldBack', authority.issue(WEB, clock.unixMs()));
    assert.equal(authority.isHeld, true);
    const { asked } = client;
    await rejects('HeldBack', authority.issue(WEB, clock.unixMs()));
    assert.equal(client.asked, asked);
  });

  it('does not hold back what a CA certificate made anew with the same key has signed', async () => {
    const authority = await open();
    const old = new x509.X509Certificate(client.root.certificate);
    const renewed = await x509.X509CertificateGenerator.create({
      ...{ subject: old.subjectName, issuer: old.subjectName, publicKey: old.publicKey },
      ...{ notBefore: new Date(clock.unixMs()), notAfter: new Date(clock.unixMs() + 90 * LEAF_MS) },
      signingKey: await importKey(client.root.privateKey),
      extensions: old.extensions,
    });
    client.root = { ...client.root, certificate: `${renewed.toString('pem')}\n` };
    await authority.issue(WEB, clock.unixMs());
    assert.equal(fingerprintOf(issuer.offered!), fingerprintOf(client.root.certificate));
    assert.notEqual(fingerprintOf(issuer.offered!), authority.roots[0]);
    assert.equal(authority.isHeld, false);
  });

  it('signs nothing when the operator was told of no issuer', async () => {
    await rejects('NotSet', (await open(false)).issue(WEB, clock.unixMs()));
  });

  it('hands nothing out when the state of the roots was not seen for too long', async () => {
    const authority = await open();
    const root = { certificate: client.root.certificate, privateKey: '' };
    await authority.adopt(steady(root, rotation, clock.unixMs()), clock.unixMs());
    await authority.issue(WEB, clock.unixMs());
    await clock.advance(HOUR_MS);
    await rejects('HeldBack', authority.issue(WEB, clock.unixMs()));
    authority.saw(clock.unixMs());
    await authority.issue(WEB, clock.unixMs());
  });
});
