import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EffectiveValue, ExplainedDestination } from '../../api/analysis.ts';
import { destinationText } from './destination-text.ts';

const origin = (field: string, policy = 'shop/p') => ({ policy, generation: 1, field });
const checked = (path: string, policy?: string): EffectiveValue => ({
  ...{ path, value: { path: '/healthz' }, lost: [] },
  origin: origin('spec.traffic.healthCheck', policy),
});
const V1 = 'shop/payments:80{version=v1.2}';
const V2 = 'shop/payments:80{version=v2}';
const OTHER = 'shop/ledger:80';

const textOf = (change: Partial<ExplainedDestination>) =>
  destinationText({
    ...{ key: 'shop/payments:80', protocol: 'HTTP', endpoints: 2, backends: [], values: [], ownViews: [] },
    ...change,
  });
const SAID = 'healthCheck  {path: /healthz}  from shop/p (generation 1) spec.traffic.healthCheck';

describe('how a destination is reached, for people', () => {
  it('tells what holds for all its endpoints once, though its routes lead to subsets of them', () => {
    const values = [
      checked('traffic.healthCheck'),
      checked(`backends[${V1}].traffic.healthCheck`),
      checked(`backends[${V2}].traffic.healthCheck`),
    ];
    const backends = [V1, V2].map((name) => ({ name, endpoints: 1 }));
    assert.deepEqual(textOf({ values, backends }), [
      '',
      'shop/payments:80, as callers see it: HTTP, 2 ready endpoints',
      `  ${SAID}`,
      `  backend ${V1}: 1 ready endpoint`,
      `  backend ${V2}: 1 ready endpoint`,
    ]);
  });

  it('tells below a backend what is said of it alone', () => {
    const values = [
      checked('traffic.healthCheck'),
      checked(`backends[${V1}].traffic.healthCheck`, 'shop/q'),
      checked(`backends[${OTHER}].traffic.healthCheck`),
    ];
    const backends = [V1, OTHER].map((name) => ({ name, endpoints: 1 }));
    assert.deepEqual(textOf({ values, backends }).slice(2), [
      `  ${SAID}`,
      `  backend ${V1}: 1 ready endpoint`,
      `    ${SAID.replace('shop/p', 'shop/q')}`,
      `  backend ${OTHER}: 1 ready endpoint`,
      `    ${SAID}`,
    ]);
  });

  it('says where nothing but defaults holds, and who has another view', () => {
    assert.deepEqual(textOf({ ownViews: ['shop/view'], caller: 'shop/web' }), [
      '',
      'shop/payments:80, as shop/web sees it: HTTP, 2 ready endpoints',
      '  nothing but defaults',
      '  callers with a view of their own: by shop/view',
    ]);
  });
});
