import type { MeshPolicySpec, Target } from '../../api/mesh-policy.ts';
import { assertProxyConfig } from '../../api/validate.ts';
import { type CompiledProxy, compileProxyConfig } from '../compile/proxy-config.ts';
import type { KeySet, Policy } from '../mesh/model.ts';
import { meshOf, policy, service, set, workload } from './builders.ts';

/** The pod `shop/pay` with ports http (8080) and admin (9090), behind Services `pay` (port 80) and `bill`. */
export const PAY = workload('shop/pay', {
  addresses: ['10.0.0.1'],
  ports: [
    { name: 'http', port: 8080 },
    { name: 'admin', port: 9090 },
  ],
});

/** Its configuration, which is valid. */
export function compiledWith(policies: readonly Policy[], keySets: readonly KeySet[] = []): CompiledProxy {
  const ports = [{ name: 'http', port: 80, protocol: undefined, targetPort: 'http' }];
  const mesh = meshOf(
    set('Workload', PAY),
    set('Service', service('shop/pay', { ports }), service('shop/bill', { ports, selector: { app: 'pay' } })),
    set('KeySet', ...keySets),
    set('Policy', ...policies),
  );
  const result = compileProxyConfig(mesh, PAY);
  assertProxyConfig(result.config);
  return result;
}

export type Said = Omit<MeshPolicySpec, 'target' | 'targetRefs'>;

/** Policies about the pod, from wide to narrow; the first is in the control plane's namespace. */
export const overMesh = (said: Said, name = 'm', ports?: Target['ports']) =>
  policy(`weft-system/${name}`, { target: { kind: 'Mesh', ...(ports && { ports }) }, ...said });
export const overNamespace = (said: Said, name = 'n', ports?: Target['ports']) =>
  policy(`shop/${name}`, { target: { kind: 'Namespace', ...(ports && { ports }) }, ...said });
export const overService = (said: Said, name = 's', service = 'pay') =>
  policy(`shop/${name}`, { target: { kind: 'Service', name: service }, ...said });
export const overWorkload = (said: Said, name = 'w') =>
  policy(`shop/${name}`, {
    target: { kind: 'Workload', selector: { matchLabels: { app: 'pay' } } },
    ...said,
  });

/** The same, which nothing weakens. */
export const mandatory = (each: Policy): Policy => ({
  ...each,
  spec: { ...each.spec, enforcement: 'Mandatory' },
});
