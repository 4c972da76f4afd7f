import type { Cluster } from './cluster.ts';

interface Found {
  readonly apiVersion: string;
  readonly kind: string;
  readonly type?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly { readonly apiVersion: string }[];
  };
}

/** Every object of a cluster, of whatever kind, that is Weft's or marked by it; Events, which fade away, are not meant. */
export async function remains(cluster: Cluster): Promise<string[]> {
  const kinds = (await cluster.kubectlOk(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const lasting = kinds.filter((kind) => kind !== 'events' && kind !== 'events.events.k8s.io');
  const list = await cluster.kubectlOk(['get', lasting.join(','), '-A', '-o', 'json']);
  const items: Found[] = JSON.parse(list).items;
  return items.filter(isMarked).map(nameOf);
}

function isMarked({ apiVersion, type, metadata }: Found): boolean {
  const { name, labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  const marks = [
    ...[apiVersion, type ?? '', ...Object.keys(labels), ...Object.keys(annotations), ...finalizers],
    ...ownerReferences.map((owner) => owner.apiVersion),
  ];
  const isOurs = labels['app.kubernetes.io/part-of'] === 'weft' || /\bweft\b/.test(name);
  return isOurs || marks.some((mark) => mark.includes('weft.dev'));
}

function nameOf({ kind, metadata: { namespace, name } }: Found): string {
  return [kind, namespace, name].filter((part) => part !== undefined).join('/');
}
