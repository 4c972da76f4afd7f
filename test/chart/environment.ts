import { type KubernetesObject, pick, render, type Values } from './helm.ts';

/** The variables a Deployment's container gets, with references to the pod's own fields as the kubelet fills them. */
export async function environmentOf(
  deployment: string,
  namespace: string,
  values: Values,
): Promise<Record<string, string>> {
  const fields: Record<string, string> = { 'metadata.namespace': namespace };
  const objects = await render(values, { namespace });
  const { env } = pick(objects, 'Deployment', deployment).spec.template.spec.containers[0];
  const pairs = env.map(({ name, value, valueFrom }: KubernetesObject) => [
    name,
    value ?? fields[valueFrom.fieldRef.fieldPath],
  ]);
  return Object.fromEntries(pairs);
}
