import type { KubernetesObject } from './helm.ts';

/** Label selectors as the API server reads them: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
export function matches(selector: KubernetesObject, labels: Record<string, string>): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal && (selector.matchExpressions ?? []).every((each: KubernetesObject) => matchesOne(each, labels))
  );
}

function matchesOne({ key, operator, values }: KubernetesObject, labels: Record<string, string>): boolean {
  const value = labels[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  throw new Error(`no operator ${operator}`);
}

/** The names of the entries by which the API server would call the webhook for a pod. */
export function entriesFor(
  configuration: KubernetesObject,
  namespace: { name: string; labels?: Record<string, string> },
  podLabels: Record<string, string> = {},
): string[] {
  const namespaceLabels = { 'kubernetes.io/metadata.name': namespace.name, ...namespace.labels };
  return configuration.webhooks
    .filter(
      (entry: KubernetesObject) =>
        matches(entry.namespaceSelector, namespaceLabels) && matches(entry.objectSelector, podLabels),
    )
    .map((entry: KubernetesObject) => entry.name);
}
