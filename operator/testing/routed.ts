import assert from 'node:assert/strict';
import type { Route } from '../../api/mesh-policy.ts';
import { assertDestination } from '../../api/validate.ts';
import { compileDestination } from '../compile/destination.ts';
import { referencesOf } from '../compile/references.ts';
import type { Change, Workload } from '../mesh/model.ts';
import { meshOf, policy, service, set, slice, workload } from './builders.ts';

/** Service `shop/pay` with two versions behind it, `shop/next` and `ops/far` with one, and policies that route there. */
export type BackendRef = NonNullable<Route['backends']>[number];

export const WEB = workload('shop/web');
export const v = (name: string, version: string, address: string) =>
  workload(name, {
    addresses: [address],
    app: 'pay',
    labels: { app: 'pay', version },
    serviceAccount: 'pay',
  });
export const PORTS = [{ name: 'http', port: 80, protocol: undefined }];
export const KNOWN: Change[] = [
  ...set('Workload', WEB, v('shop/pay-1', 'v1', '10.0.0.1'), v('shop/pay-2', 'v2', '10.0.0.2')),
  ...set('Workload', v('shop/next-1', 'v3', '10.0.0.3'), v('ops/far-1', 'v4', '10.0.0.4')),
  ...set(
    'Service',
    service('shop/pay', { addresses: ['10.96.0.1'], ports: PORTS }),
    service('shop/next', { ports: PORTS }),
    service('ops/far', { ports: PORTS }),
  ),
  ...set(
    'EndpointSlice',
    slice('shop/pay', { 'shop/pay-1': '10.0.0.1', 'shop/pay-2': '10.0.0.2' }),
    slice('shop/next', { 'shop/next-1': '10.0.0.3' }),
    slice('ops/far', { 'ops/far-1': '10.0.0.4' }),
  ),
];
export const SERVICE = { kind: 'Service', name: 'pay' } as const;

export function routing(route: Omit<Route, 'name'>, key = 'shop/p'): Change[] {
  return set('Policy', policy(key, { target: SERVICE, traffic: { routes: [{ name: 'r', ...route }] } }));
}
export function to(...backends: BackendRef[]): Change[] {
  return routing({ backends });
}
export function compile(changes: Change[][], consumer: Workload = WEB, key = 'shop/pay:80') {
  const destination = compileDestination(meshOf(KNOWN, ...changes), key, consumer);
  assert.ok(destination !== null);
  assertDestination(destination);
  return destination;
}
export function addresses(...changes: Change[][]): (string[] | undefined)[] {
  return (compile(changes).backends ?? []).map(({ endpoints }) => endpoints.map(({ address }) => address));
}
export function references(key: string, ...changes: Change[][]) {
  const mesh = meshOf(KNOWN, ...changes);
  return referencesOf(mesh, mesh.policy(key)!);
}
