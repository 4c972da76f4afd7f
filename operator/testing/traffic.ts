import type { MeshPolicySpec, Traffic } from '../../api/mesh-policy.ts';
import type { Change, Policy } from '../mesh/model.ts';
import { policy, service, set, slice, workload } from './builders.ts';

/** Callers of Service `shop/pay`, with ports http (80) and admin (81, container port 9090). */
export const WEB = workload('shop/web', { addresses: ['10.0.1.1'] });
export const BATCH = workload('shop/batch');
export const OTHER = workload('ops/web');
export const PORTS = [
  { name: 'http', port: 80, protocol: undefined },
  { name: 'admin', port: 81, protocol: undefined, targetPort: 9090 },
];
export const MESH: Change[] = [
  ...set('Workload', WEB, BATCH, OTHER, workload('shop/pay-1', { addresses: ['10.0.0.1'] })),
  ...set('Service', service('shop/pay', { addresses: ['10.96.0.1'], ports: PORTS })),
  ...set('EndpointSlice', slice('shop/pay', { 'shop/pay-1': '10.0.0.1' })),
];

export const SERVICE = { kind: 'Service', name: 'pay' } as const;
export const MESH_WIDE = { kind: 'Mesh' } as const;
export const TO_PAY = { to: [{ service: 'pay' }] };
export const WEB_ONLY = { kind: 'Workload', selector: { matchLabels: { app: 'web' } } } as const;

export function says(
  key: string,
  traffic: Traffic,
  target?: MeshPolicySpec['target'],
  rest: Partial<Policy> & { enforcement?: 'Mandatory' } = {},
): Change[] {
  const { enforcement, ...others } = rest;
  const spec = { ...(target && { target }), ...(enforcement && { enforcement }), traffic };
  return set('Policy', policy(key, spec, others));
}

export const request = (duration: string): Traffic => ({ timeout: { request: duration } });
