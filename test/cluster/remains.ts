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
  // a node has the name that its cluster was given, and so has what belongs to it
  const nodes = new Set(items.filter(({ kind }) => kind === 'Node').map(({ metadata }) => metadata.name));
  return items
    .filter((item) => isMarked(item) || (isNamed(item) && !nodes.has(item.metadata.name)))
    .map(nameOf);
}

function isMarked({ apiVersion, type, metadata }: Found): boolean {
  const { labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  const marks = [
    ...[apiVersion, type ?? '', ...Object.keys(labels), ...Object.keys(annotations), ...finalizers],
    ...ownerReferences.map((owner) => owner.apiVersion),
  ];
  return labels['app.kubernetes.io/part-of'] === 'weft' || marks.some((mark) => mark.includes('weft.dev'));
}

function isNamed({ metadata }: Found): boolean {
  return /\bweft\b/.test(metadata.name);
}

function nameOf({ kind, metadata: { namespace, name } }: Found): string {
  return [kind, namespace, name].filter((part) => part !== undefined).join('/');
}
