import { PORTS } from '../../../api/names.ts';
import type { Found } from './codes.ts';
import type { Inspection } from './inspection.ts';

/** Sidecars without a stream: policies and certificates still come by their Secrets, Services and endpoints do not. */
export function cutOff({ proxies, read, mesh }: Inspection): Found[] {
  return proxies.flatMap(({ workload: { key, namespace, app, name } }) => {
    const policy = read.cutOff?.get(key);
    if (policy === undefined) return [];
    const to = `namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${mesh.settings.controlPlaneNamespace}}}`;
    return [
      {
        ...{ severity: 'error', code: 'StreamCutOff' },
        where: { kind: 'Workload', name: `${namespace}/${app}` },
        message: `NetworkPolicy ${policy} keeps the sidecar of ${name} from the operator: it learns of no Services and endpoints, and of policies late`,
        fix: policy.startsWith(`${mesh.settings.controlPlaneNamespace}/`)
          ? `let all pods in at TCP ${PORTS.stream} there, as networkPolicy.enabled of the chart does`
          : `add a policy with egress: [{to: [{${to}}], ports: [{port: ${PORTS.stream}}]}], and UDP and TCP 53 to DNS`,
      },
    ];
  });
}
