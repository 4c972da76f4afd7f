import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SECRET_DESTINATIONS_MAX_BYTES } from '../../api/names.ts';
import type { Workload } from '../mesh/model.ts';
import { meshOf, set, workload } from '../testing/builders.ts';
import type { ProxyAcks } from './acks.ts';
import { Prewarming } from './prewarming.ts';

const NOTHING = { sent: undefined, acked: undefined, refused: undefined };
const SENT = { ...NOTHING, sent: { hash: 'h', policies: {} } };
const pod = (name: string, rest: Partial<Workload> = {}) =>
  workload(`shop/${name}`, { serviceAccount: 'web', app: 'web', proxyId: name, ...rest });

/** `subscribed`: of each pod, by its key, what it is subscribed to. */
function prewarming(pods: readonly Workload[], subscribed: Readonly<Record<string, readonly string[]>>) {
  let nowMs = 0;
  let asked = 0;
  let compiled = 0;
  const acksOf = (key: string): ProxyAcks | undefined => {
    asked += 1;
    const keys = subscribed[key];
    if (keys === undefined) return undefined;
    const destinations = new Map(keys.map((each) => [each, each.startsWith('outside') ? NOTHING : SENT]));
    return { connected: true, sinceMs: 0, config: NOTHING, destinations };
  };
  const made = new Prewarming({
    mesh: meshOf(set('Workload', ...pods)),
    acks: { get: acksOf },
    destination: (key, { name }) => {
      compiled += 1;
      if (key.startsWith('outside') || key.startsWith('gone')) return { version: undefined, text: 'null' };
      const padding = key.startsWith('large') ? 'x'.repeat(SECRET_DESTINATIONS_MAX_BYTES / 2) : '';
      return { version: { hash: 'h', policies: {} }, text: JSON.stringify({ seenBy: name, padding }) };
    },
    nowMs: () => nowMs,
  });
  const keysFor = (of: Workload): string[] =>
    (JSON.parse(made.textFor(of) ?? '[]') as { key: string }[]).map(({ key }) => key);
  return { made, keysFor, pass: (ms: number) => (nowMs += ms), asked: () => asked, compiled: () => compiled };
}

describe('what a new pod starts with', () => {
  it('is what pods of its kind call, as it may see that, what most of them call first', () => {
    const fresh = pod('web-3');
    const { made, keysFor } = prewarming([pod('web-1'), pod('web-2'), fresh], {
      'shop/web-1': ['a:1', 'b:1'],
      'shop/web-2': ['c:1', 'b:1'],
    });
    assert.deepEqual(keysFor(fresh), ['b:1', 'a:1', 'c:1']);
    assert.deepEqual(JSON.parse(made.textFor(fresh)!)[0], {
      key: 'b:1',
      destination: { seenBy: 'web-3', padding: '' },
    });
  });

  it('is nothing of another account, app or namespace, nor of a pod outside the mesh', () => {
    const others = [
      pod('sa', { serviceAccount: 'other' }),
      pod('app', { app: 'other' }),
      workload('else/web', { serviceAccount: 'web', app: 'web', proxyId: 'else' }),
      pod('plain', { proxyId: undefined }),
    ];
    const subscribed = Object.fromEntries(others.map(({ key }) => [key, ['a:1']]));
    assert.equal(prewarming([...others, pod('web-1')], subscribed).made.textFor(pod('web-1')), undefined);
  });

  it('is nothing that is outside of the mesh, and nothing where nobody is connected', () => {
    const pods = [pod('web-1'), pod('web-2')];
    assert.deepEqual(prewarming(pods, { 'shop/web-1': ['outside:1', 'a:1'] }).keysFor(pods[1]!), ['a:1']);
    assert.equal(prewarming(pods, { 'shop/web-1': ['outside:1'] }).made.textFor(pods[1]!), undefined);
    assert.equal(prewarming(pods, { 'shop/web-1': ['gone:1'] }).made.textFor(pods[1]!), undefined);
    assert.equal(prewarming(pods, {}).made.textFor(pods[1]!), undefined);
  });

  it('fits a Secret, whatever pods of its kind subscribe to', () => {
    const many = Array.from({ length: 4_096 }, (_, index) => `10.0.0.${index}:80`);
    const { made, keysFor } = prewarming([pod('web-1')], {
      'shop/web-1': ['large:1', 'large:2', 'large:3', ...many],
    });
    const text = made.textFor(pod('web-2'))!;
    assert.ok(Buffer.byteLength(text) <= SECRET_DESTINATIONS_MAX_BYTES, String(text.length));
    assert.ok(keysFor(pod('web-2')).length > 10);
  });

  it('costs the same few compilations, whatever pods of its kind subscribe to', () => {
    const junk = Array.from({ length: 4_096 }, (_, index) => `outside-${index}:80`);
    const many = Array.from({ length: 4_096 }, (_, index) => `10.0.0.${index}:80`);
    const pods = [pod('web-1'), pod('web-2'), pod('web-3')];
    const { keysFor, compiled } = prewarming(pods, {
      'shop/web-1': [...junk, 'pay:80'],
      'shop/web-2': [...many, 'pay:80'],
    });
    assert.equal(keysFor(pods[2]!)[0], 'pay:80');
    assert.ok(compiled() <= 128, `${compiled()} were compiled`);
  });

  it('is asked for once for all that are written together, and of a few, however many there are', () => {
    const pods = Array.from({ length: 100 }, (_, index) => pod(`web-${index}`));
    const { made, pass, asked } = prewarming(pods, Object.fromEntries(pods.map(({ key }) => [key, ['a:1']])));
    for (const each of pods) made.textFor(each);
    assert.equal(asked(), 8);
    pass(50);
    made.textFor(pods[0]!);
    assert.equal(asked(), 16);
  });
});
