import { LABEL_INJECTED } from '../api/names.ts';
import { type Decision, denied, unchanged } from './admit.ts';
import { parsePod } from './pod.ts';
import type { AdmissionRequest } from './review.ts';

/**
 * Pod Security would refuse an injected pod with words about a container that its author never wrote. The webhook's
 * entry for namespaces that enforce `baseline` or `restricted` comes before it, and says what to do. Whether a
 * namespace does is for the entry's selector to know: the injector reads nothing of the cluster.
 * https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export function podSecurityDecision({ object, namespace }: AdmissionRequest): Decision {
  const pod = parsePod(object);
  if (typeof pod === 'string') return denied(400, pod);
  if (pod.metadata?.labels?.[LABEL_INJECTED] !== 'true') return unchanged([]);
  return denied(
    403,
    `namespace ${namespace} enforces Pod Security baseline or restricted, which refuse the NET_ADMIN by which ` +
      "weft-init redirects the pod's traffic: label the namespace pod-security.kubernetes.io/enforce=privileged " +
      '(audit and warn may stay as they are), or the pod weft.dev/inject=disabled to keep it out of the mesh',
  );
}
