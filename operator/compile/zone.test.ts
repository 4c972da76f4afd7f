import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshOf, service, set, slice, workload } from '../testing/builders.ts';
import { compile, v, WEB } from '../testing/routed.ts';
import { compileProxyConfig } from './proxy-config.ts';

describe('the zone of an endpoint', () => {
  const zoned = (zone: string | undefined, label?: string) => {
    const listed = slice('shop/next', { 'shop/next-1': '10.0.0.3' });
    const endpoints = listed.endpoints.map((each) => ({ ...each, ...(zone !== undefined && { zone }) }));
    const labels = { app: 'pay', ...(label !== undefined && { 'topology.kubernetes.io/zone': label }) };
    const next = { ...v('shop/next-1', 'v3', '10.0.0.3'), labels };
    return compile(
      [set('Workload', next), set('EndpointSlice', { ...listed, endpoints })],
      WEB,
      'shop/next:80',
    ).endpoints[0]?.zone;
  };

  it('is what its slice says, else its label', () => {
    assert.equal(zoned('a'), 'a');
    assert.equal(zoned('a', 'b'), 'a');
    assert.equal(zoned(undefined, 'b'), 'b');
    assert.equal(zoned(undefined), undefined);
  });
  it('is unknown where the slice says what is no zone', () => {
    assert.equal(zoned(''), undefined);
    assert.equal(zoned('z'.repeat(64)), undefined);
  });
});

describe('the zone of a workload', () => {
  const zoneOf = (label: string | undefined, ...zones: (string | undefined)[]) => {
    const labels = { app: 'pay', ...(label !== undefined && { 'topology.kubernetes.io/zone': label }) };
    const pay = workload('shop/pay', { addresses: ['10.0.0.1'], labels });
    const slices = zones.map((zone, index) => {
      const listed = slice('shop/pay', { 'shop/pay': '10.0.0.1' });
      const endpoints = listed.endpoints.map((each) => ({ ...each, ...(zone !== undefined && { zone }) }));
      return { ...listed, key: `shop/pay-${index}`, endpoints };
    });
    const mesh = meshOf(
      set('Workload', pay),
      set('Service', service('shop/pay')),
      set('EndpointSlice', ...slices),
    );
    return compileProxyConfig(mesh, pay).config.workload.zone;
  };

  it('is its label, else what a slice that lists it says', () => {
    assert.equal(zoneOf('a', 'b'), 'a');
    assert.equal(zoneOf(undefined, 'b'), 'b');
    assert.equal(zoneOf(undefined, undefined, 'c'), 'c');
  });
  it('is absent where nobody knows', () => {
    assert.equal(zoneOf(undefined, undefined), undefined);
    assert.equal(zoneOf(undefined), undefined);
  });
});
