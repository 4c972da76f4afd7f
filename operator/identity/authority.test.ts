import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { RootMaterial } from '../platform.ts';
import { Authority, BACKDATE_MS, createRoot, DEFAULT_LEAF_LIFETIME_MS } from './authority.ts';
import { alternativeNames, readPeer } from './peer.ts';
import { renewAtMs, validityOf } from './renewal.ts';
import { secureContextOptions } from './tls.ts';

const NOW = Math.floor(Date.now() / 1000) * 1000;
const WEB = { spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', dnsNames: ['proxy-1'] };

let root: RootMaterial;
let authority: Authority;
before(async () => {
  root = await createRoot('cluster.local', NOW);
  authority = await Authority.load(root);
});

describe('the root', () => {
  it('is a named P-256 CA of ten years, which signed itself', () => {
    const certificate = new X509Certificate(root.certificate);
    assert.equal(certificate.ca, true);
    assert.match(certificate.subject, /Weft root of cluster\.local/);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(certificate.verify(certificate.publicKey), true);
    const years = (certificate.validToDate.getTime() - NOW) / (365 * 24 * 3600 * 1000);
    assert.equal(Math.round(years), 10);
  });

  it('is not loaded with the key of another', async () => {
    const other = await createRoot('cluster.local', NOW);
    await assert.rejects(Authority.load({ ...root, privateKey: other.privateKey }), /does not belong/);
  });

  it('is not loaded when it is no CA', async () => {
    await assert.rejects(Authority.load(await authority.issue(WEB, NOW)), /not a CA/);
  });
});

describe('a leaf', () => {
  it('names one identity and the proxy id, and chains to the root', async () => {
    const leaf = new X509Certificate((await authority.issue(WEB, NOW)).certificate);
    assert.deepEqual(alternativeNames(leaf), { uris: [WEB.spiffeId], dnsNames: ['proxy-1'] });
    const parent = new X509Certificate(root.certificate);
    assert.equal(leaf.verify(parent.publicKey) && leaf.checkIssued(parent), true);
    assert.equal(leaf.ca, false);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });

  it('is valid from five minutes ago for a day', async () => {
    const leaf = new X509Certificate((await authority.issue(WEB, NOW)).certificate);
    assert.equal(leaf.validFromDate.getTime(), NOW - BACKDATE_MS);
    assert.equal(leaf.validToDate.getTime(), NOW + DEFAULT_LEAF_LIFETIME_MS);
  });

  it('never outlives the root', async () => {
    const end = new X509Certificate(root.certificate).validToDate.getTime();
    const leaf = new X509Certificate((await authority.issue(WEB, end - 1000)).certificate);
    assert.equal(leaf.validToDate.getTime(), end);
  });

  it('has its own key and an unguessable serial number', async () => {
    const [one, two] = await Promise.all([authority.issue(WEB, NOW), authority.issue(WEB, NOW)]);
    assert.notEqual(one.privateKey, two.privateKey);
    const serials = [one, two].map(({ certificate }) => new X509Certificate(certificate).serialNumber);
    assert.notEqual(serials[0], serials[1]);
    assert.equal(serials[0]!.length >= 32, true);
  });

  it('makes a mutual TLS 1.3 handshake that both ends trust', async () => {
    const leaf = await authority.issue(WEB, NOW);
    const options = { ...secureContextOptions(authority, leaf), requestCert: true, rejectUnauthorized: true };
    const server = createServer(options, (socket) => socket.end(String(socket.authorized))).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket: TLSSocket = connect({
      ...options,
      port,
      host: '127.0.0.1',
      checkServerIdentity: () => undefined,
    });
    const [said] = (await once(socket, 'data')) as [Buffer];
    assert.equal(said.toString(), 'true');
    assert.equal(socket.authorized, true);
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    socket.destroy();
    server.close();
  });
});

describe('reading a peer', () => {
  const read = async (request: Parameters<Authority['issue']>[0], nowMs = NOW) => {
    const { certificate } = await authority.issue(request, NOW);
    return readPeer(new X509Certificate(certificate), 'cluster.local', nowMs);
  };

  it('gives namespace, service account and DNS names', async () => {
    const peer = await read(WEB);
    assert.notEqual(typeof peer, 'string');
    assert.deepEqual(peer, {
      trustDomain: 'cluster.local',
      namespace: 'shop',
      serviceAccount: 'web',
      ...WEB,
    });
  });
  it('refuses another trust domain', async () => {
    assert.match(
      String(await read({ ...WEB, spiffeId: 'spiffe://other.example/ns/a/sa/b' })),
      /trust domain/,
    );
  });
  it('refuses a URI that is no identity of a workload', async () => {
    assert.match(String(await read({ ...WEB, spiffeId: 'spiffe://cluster.local/anything' })), /no SPIFFE ID/);
  });
  it('refuses a certificate without identity', async () => {
    assert.match(String(await read({ ...WEB, spiffeId: undefined })), /0 URI names/);
  });
  it('refuses an expired one', async () => {
    assert.match(String(await read(WEB, NOW + DEFAULT_LEAF_LIFETIME_MS + 1)), /expired/);
  });
  it('refuses a CA', () => {
    assert.match(String(readPeer(new X509Certificate(root.certificate), 'cluster.local', NOW)), /CA/);
  });
});

describe('renewal', () => {
  const validity = { notBeforeMs: 0, notAfterMs: 1000 };
  it('is due at half of the lifetime, a tenth of it earlier or later', () => {
    assert.equal(
      renewAtMs(validity, () => 0.5),
      500,
    );
    assert.equal(
      renewAtMs(validity, () => 0),
      400,
    );
    assert.ok(renewAtMs(validity, () => 0.999) < 600);
  });
  it('goes by the dates of the certificate', async () => {
    const { certificate } = await authority.issue(WEB, NOW);
    const { notBeforeMs, notAfterMs } = validityOf(new X509Certificate(certificate));
    assert.deepEqual([notBeforeMs, notAfterMs], [NOW - BACKDATE_MS, NOW + DEFAULT_LEAF_LIFETIME_MS]);
  });
});
