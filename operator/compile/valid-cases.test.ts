import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MeshPolicySpec, targetKind } from '../../api/mesh-policy.ts';
import { POLICY_CASES } from '../../api/policy/cases.ts';
import { assertDestination } from '../../api/validate.ts';
import type { Change, Policy, Workload } from '../mesh/model.ts';
import {
  meshOf,
  policy,
  referenceGrant,
  SETTINGS,
  service,
  set,
  slice,
  workload,
} from '../testing/builders.ts';
import { compiledWith } from '../testing/compiled.ts';
import { judge } from './acceptance.ts';
import { compileDestination } from './destination.ts';

const LABELS = { app: 'payments', 'app.kubernetes.io/version': 'v1.2' };
const PAYMENTS = workload('shop/payments', { labels: LABELS, addresses: ['10.0.0.1'] });
const WEB = workload('shop/web', { addresses: ['10.0.1.1'] });
const PORTS = [
  { name: 'http', port: 80, protocol: undefined },
  { name: 'admin', port: 8080, protocol: undefined },
];

/** Every Service that a valid case names, and the pods that its targets select. */
const AROUND: Change[] = [
  ...set('Workload', PAYMENTS, WEB),
  ...set(
    'Service',
    ...['shop/payments', 'other/payments', 'other/payments-shadow', 'shop/cart', 'shop/a', 'shop/b'].map(
      (key) => service(key, { ports: PORTS }),
    ),
  ),
  ...set('EndpointSlice', slice('shop/payments', { 'shop/payments': '10.0.0.1' })),
  ...set('ReferenceGrant', referenceGrant('other/to-shop', ['shop'])),
];

/** What both pods are told of the Service, as the sidecars accept it. */
function destinationsWith(about: Policy) {
  const mesh = meshOf(AROUND, set('Policy', about));
  return [WEB, PAYMENTS].flatMap((consumer: Workload) =>
    ['shop/payments:80', 'shop/payments:8080'].map((key) => {
      const destination = compileDestination(mesh, key, consumer);
      assert.ok(destination !== null);
      assertDestination(destination);
      return destination;
    }),
  );
}

describe('every valid policy', () => {
  const specs = POLICY_CASES.filter(({ valid }) => valid).map(({ name, document }) => {
    return { name, spec: (document as { spec: MeshPolicySpec }).spec };
  });
  assert.ok(specs.length > 30);

  for (const { name, spec } of specs) {
    it(`is accepted, and compiles to what sidecars accept: ${name}`, () => {
      const isOfPlatform = targetKind(spec) === 'Mesh' || spec.enforcement === 'Mandatory';
      const about = policy(isOfPlatform ? 'weft-system/a' : 'shop/a', spec);
      assert.equal(judge(about, SETTINGS).message, 'the policy is valid');
      compiledWith([about]);
      const destinations = destinationsWith(about);
      const isTold = destinations.some(
        ({ traffic, protocol }) => traffic !== undefined || protocol !== undefined,
      );
      assert.equal(isTold, spec.traffic !== undefined, 'traffic is told to callers, and nothing else is');
    });
  }
});
