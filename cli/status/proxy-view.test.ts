import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { condition, policy } from './policy.fixture.ts';
import { proxyView, type SidecarConfig } from './proxy-view.ts';
import { readConfig } from './read-config.ts';

const SIDECAR = { namespace: 'shop', name: 'web-1', ready: true };
const CONFIG: SidecarConfig = {
  ...{ ready: true, reasons: [], stream: 'up' },
  identity: { spiffeId: 'spiffe://td/ns/shop/sa/web', notAfter: '2026-01-02T00:00:00Z' },
  config: { version: { hash: 'abc', policies: { 'u-1': 2 } } },
};

describe('a proxy as status shows it', () => {
  it('is behind where it holds an older generation of an accepted policy', () => {
    assert.deepEqual(proxyView(SIDECAR, CONFIG, [policy()]), {
      ...{ proxy: 'shop/web-1', ready: true, stream: 'up', behind: ['shop/payments 2 of 3'] },
      ...{ configuration: 'abc', certificateExpires: '2026-01-02T00:00:00Z' },
    });
  });

  it('is not behind with the newest, without the policy, or where the newest was not accepted', () => {
    const isBehind = (change: Parameters<typeof policy>[0]) =>
      proxyView(SIDECAR, CONFIG, [policy(change)]).behind;
    assert.deepEqual(isBehind({ generation: 2 }), []);
    assert.deepEqual(isBehind({ uid: 'u-2' }), []);
    assert.deepEqual(isBehind({ conditions: [condition('Accepted', 'False')] }), []);
  });

  it('tells why it is not ready', () => {
    const starting: SidecarConfig = {
      ready: false,
      reasons: ['no certificate', 'no stream'],
      stream: 'down',
    };
    assert.deepEqual(proxyView(SIDECAR, starting, []), {
      ...{
        proxy: 'shop/web-1',
        ready: false,
        stream: 'down',
        behind: [],
        problem: 'no certificate; no stream',
      },
    });
  });

  it('is told as Kubernetes knows it when it could not be asked', () => {
    assert.deepEqual(proxyView(SIDECAR, { problem: 'no answer' }, []), {
      ...{ proxy: 'shop/web-1', ready: true, problem: 'no answer' },
    });
  });
});

describe("a sidecar's answer about its state", () => {
  it('is taken as it is, also before it has a configuration', () => {
    assert.equal(readConfig(CONFIG), CONFIG);
    const starting = { ready: false, reasons: ['no certificate'], stream: 'down' };
    assert.equal(readConfig(starting), starting);
  });

  const bad: [what: string, answer: unknown][] = [
    ['null', null],
    ['a text', 'ready'],
    ['without a stream', { ready: true, reasons: [] }],
    ['with another stream', { ...CONFIG, stream: 'sideways' }],
    ['with a reason that is none', { ...CONFIG, reasons: [{}] }],
    ['with reasons that are no list', { ...CONFIG, reasons: 'none' }],
    ['with a date that is none', { ...CONFIG, identity: { notAfter: 'tomorrow' } }],
    ['with a version that is a text', { ...CONFIG, config: { version: 'abc' } }],
    ['without policies', { ...CONFIG, config: { version: { hash: 'abc' } } }],
    [
      'with a generation that is a text',
      { ...CONFIG, config: { version: { hash: 'a', policies: { u: '2' } } } },
    ],
  ];
  for (const [what, answer] of bad) {
    it(`is refused ${what}`, () => assert.throws(() => readConfig(answer), /something else than its state/));
  }
});
