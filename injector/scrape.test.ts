import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { applyPatch } from './json-patch.ts';
import { type Json, PROXY_ID, podFixture } from './pod.fixture.ts';
import { rewriteProbes } from './probes.ts';

const KEY = Buffer.alloc(32, 7);
const tokenOf = (proxyId: string) => createHmac('sha256', KEY).update(proxyId).digest('hex').slice(0, 32);
const own = (proxyId = PROXY_ID) => `/weft/probe/${tokenOf(proxyId)}/prometheus/scrape`;
const annotated = (more: object): Json =>
  podFixture({}, { annotations: { 'prometheus.io/scrape': 'true', ...more } });

function rewrite(pod: Json) {
  const { operations, probes, warnings } = rewriteProbes(pod, PROXY_ID, KEY);
  const { annotations } = (applyPatch(pod, operations) as Json).metadata;
  return { annotations, probes, warnings };
}

describe('scrapes that a pod asks for', () => {
  for (const [what, more, httpGet] of [
    ['of the usual page', {}, { path: '/metrics', port: 9090, scheme: 'HTTP' }],
    ['of a page of its own', { path: '/stats?all=1' }, { path: '/stats?all=1', port: 9090, scheme: 'HTTP' }],
    ['over TLS', { scheme: 'https' }, { path: '/metrics', port: 9090, scheme: 'HTTPS' }],
  ] as const) {
    it(`${what} go to the sidecar, without TLS`, () => {
      const prefixed = Object.entries(more).map(([name, value]) => [`prometheus.io/${name}`, value]);
      const { annotations, probes } = rewrite(
        annotated({ 'prometheus.io/port': '9090', ...Object.fromEntries(prefixed) }),
      );
      assert.equal(annotations['prometheus.io/port'], '15020');
      assert.equal(annotations['prometheus.io/path'], own());
      assert.notEqual(annotations['prometheus.io/scheme'], 'https');
      assert.deepEqual(probes, {
        [`${tokenOf(PROXY_ID)}/prometheus/scrape`]: { httpGet, timeoutSeconds: 10 },
      });
    });
  }

  it('are not asked for by saying anything else', () => {
    for (const value of ['false', 'yes']) {
      const pod = annotated({ 'prometheus.io/port': '9090', 'prometheus.io/scrape': value });
      assert.deepEqual(rewrite(pod), { annotations: pod.metadata.annotations, probes: {}, warnings: [] });
    }
  });

  for (const [what, more, warning] of [
    ['without a port', {}, /without prometheus.io\/port/],
    ['of a port that is none', { 'prometheus.io/port': 'http' }, /is not valid/],
    ['of port 0', { 'prometheus.io/port': '0' }, /is not valid/],
    [
      'of a path of two lines',
      { 'prometheus.io/port': '80', 'prometheus.io/path': '/a\r\nb: c' },
      /is not valid/,
    ],
    [
      'of a path without a root',
      { 'prometheus.io/port': '80', 'prometheus.io/path': 'metrics' },
      /is not valid/,
    ],
    ['over another protocol', { 'prometheus.io/port': '80', 'prometheus.io/scheme': 'ftp' }, /is not valid/],
  ] as const) {
    it(`${what} are left alone, with a warning`, () => {
      const pod = annotated(more);
      const { annotations, probes, warnings } = rewrite(pod);
      assert.deepEqual([annotations, probes, warnings.length], [pod.metadata.annotations, {}, 1]);
      assert.match(warnings[0]!, warning);
      assert.match(warnings[0]!, /under Strict mTLS scrapes fail$/);
    });
  }

  it('that were rewritten before keep what they asked, under the token of this invocation', () => {
    const asked = { httpGet: { path: '/stats', port: 9090, scheme: 'HTTP' }, timeoutSeconds: 10 };
    for (const id of ['other', PROXY_ID]) {
      const pod = annotated({ 'prometheus.io/port': '15020', 'prometheus.io/path': own(id) });
      const value = JSON.stringify({ [`${tokenOf(id)}/prometheus/scrape`]: asked });
      pod.spec.initContainers = [{ name: 'weft-sidecar', env: [{ name: 'WEFT_PROBES', value }] }];
      const { annotations, probes } = rewrite(pod);
      assert.equal(annotations['prometheus.io/path'], own());
      assert.deepEqual(Object.values(probes), [asked]);
    }
  });

  it('of the sidecar’s own metrics stay as they are, and so does what nobody knows', () => {
    for (const path of ['/metrics', own('nobody'), '/weft/probe/x']) {
      const pod = annotated({ 'prometheus.io/port': '15020', 'prometheus.io/path': path });
      assert.deepEqual(rewrite(pod), { annotations: pod.metadata.annotations, probes: {}, warnings: [] });
    }
  });
});
