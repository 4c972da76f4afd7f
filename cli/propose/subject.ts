import type { Subject } from '../../api/analysis.ts';
import type { Target } from '../../api/mesh-policy.ts';
import { type Access, keyOf, type ServiceView } from '../access/access.ts';
import { UsageError } from '../usage-error.ts';

/** What a policy is proposed for. */
export interface ProposalSubject {
  readonly namespace: string;
  readonly target: Target;
  /** of the policy */
  readonly name: string;
  /** `Service shop/payments` */
  readonly what: string;
  readonly view: ServiceView;
}

/** `namespace`: of names without one. Throws UsageError. */
export async function proposalSubject(
  access: Access,
  subject: Subject,
  namespace: string,
): Promise<ProposalSubject> {
  if (subject.type === 'Service') {
    const service = qualified(subject.name, namespace);
    return {
      namespace: service.namespace,
      target: { kind: 'Service', name: service.name },
      name: `${service.name}-callers`,
      what: `Service ${keyOf(service)}`,
      view: await access.service(service.namespace, service.name),
    };
  }
  if (subject.type === 'Selector') return labelled(access, namespace, subject.labels, undefined);
  if (subject.type === 'Pair') throw new UsageError('a policy is proposed for what is called');
  const pod = qualified(subject.name, namespace);
  const labels = await access.labels(pod.namespace, pod.name);
  if (labels === undefined) throw new UsageError(`there is no pod ${keyOf(pod)} in ${access.where}`);
  if (Object.keys(labels).length === 0) {
    throw new UsageError(`${keyOf(pod)} has no labels to target it by`, 'label it, or use --service NAME');
  }
  return labelled(access, pod.namespace, labels, pod.name);
}

async function labelled(
  access: Access,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  pod: string | undefined,
): Promise<ProposalSubject> {
  const view = await access.labelled(namespace, labels);
  const text = Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  if (view.proxies.length + view.unmeshed.length === 0) {
    throw new UsageError(`no pod of ${namespace} has the labels ${text}`, 'look elsewhere with -n NAME');
  }
  const of = labels.app ?? labels['app.kubernetes.io/name'] ?? pod ?? Object.values(labels)[0] ?? '';
  return {
    ...{ namespace, view, target: { kind: 'Workload', selector: { matchLabels: { ...labels } } } },
    name: `${nameFrom(of)}-callers`,
    what: `the pods of ${namespace} with ${text}`,
  };
}

function qualified(name: string, namespace: string): { namespace: string; name: string } {
  const slash = name.indexOf('/');
  return slash === -1
    ? { namespace, name }
    : { namespace: name.slice(0, slash), name: name.slice(slash + 1) };
}

/** The value of a label may be more than a name may. */
function nameFrom(value: string): string {
  const name = value
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'workload' : name;
}
