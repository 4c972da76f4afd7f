import type { ProxyConfig } from '../../api/proxy-config.ts';
import { keyOf, type PolicyView, type Sidecar } from '../access/access.ts';
import { conditionOf } from './standing.ts';

/** `GET /config` of a sidecar, as far as it is looked at here. */
export interface SidecarConfig {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly stream: 'up' | 'down';
  readonly identity?: { readonly spiffeId: string; readonly notAfter: string };
  readonly config?: Pick<ProxyConfig, 'version'>;
}

export interface ProxyView {
  readonly proxy: string;
  readonly ready: boolean;
  /** absent: it could not be asked, and `problem` says why */
  readonly stream?: 'up' | 'down';
  readonly configuration?: string;
  /** policies of which it holds an older generation: `shop/payments 2 of 3` */
  readonly behind?: readonly string[];
  readonly certificateExpires?: string;
  readonly problem?: string;
}

/** Pure. */
export function proxyView(
  sidecar: Sidecar,
  answer: SidecarConfig | { readonly problem: string },
  policies: readonly PolicyView[],
): ProxyView {
  const proxy = keyOf(sidecar);
  if ('problem' in answer) return { proxy, ready: sidecar.ready, problem: answer.problem };
  const { ready, reasons, stream, identity, config } = answer;
  return {
    ...{ proxy, ready, stream, behind: behind(config, policies) },
    ...(config && { configuration: config.version.hash }),
    ...(identity && { certificateExpires: identity.notAfter }),
    ...(reasons.length > 0 && { problem: reasons.join('; ') }),
  };
}

/** Of a policy that was not accepted an older generation is what should be there. */
function behind(config: SidecarConfig['config'], policies: readonly PolicyView[]): string[] {
  return policies.flatMap((policy) => {
    const held = config?.version.policies[policy.uid];
    const { generation } = policy;
    const isAccepted = conditionOf(policy, 'Accepted')?.status === 'True';
    if (held === undefined || generation === undefined || !isAccepted || held >= generation) return [];
    return [`${keyOf(policy)} ${held} of ${generation}`];
  });
}
