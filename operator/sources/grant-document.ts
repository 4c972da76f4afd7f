import { isMeshPolicy, isService, translateReferenceGrant } from '../kubernetes/translate/reference-grant.ts';
import type { ReferenceGrant } from '../mesh/model.ts';

/** As ReferenceGrants of Kubernetes are written, so that one folder of documents serves both. */
export const GRANT_API_VERSIONS: readonly string[] = [
  'gateway.networking.k8s.io/v1beta1',
  'gateway.networking.k8s.io/v1',
];

/** @param path in the document; a message without `isIgnored` means that the document is left out */
type Report = (path: readonly (string | number)[], message: string, isIgnored?: true) => void;

interface Entry {
  readonly group: string;
  readonly kind: string;
  readonly name?: string;
  readonly namespace: string;
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const ENTRIES_MAX = 16;

/** Undefined: it is wrong, or lets no MeshPolicy name any Service; either was reported. */
export function grantOf(
  value: Record<string, unknown>,
  defaultNamespace: string,
  report: Report,
): ReferenceGrant | undefined {
  const { name, namespace = defaultNamespace } = (value.metadata ?? {}) as Record<string, unknown>;
  if (!isText(name, NAME)) return wrong(['metadata', 'name'], 'is not a name: write {name: payments}');
  if (!isText(namespace, NAMESPACE))
    return wrong(['metadata', 'namespace'], 'is not the name of a namespace');
  const { from, to } = (value.spec ?? {}) as Record<string, unknown>;
  const wanted = '{group: weft.dev, kind: MeshPolicy, namespace: shop}';
  const isFrom = (each: Entry) => isText(each.namespace, NAMESPACE);
  if (!isList(from, isFrom)) return wrong(['spec', 'from'], `must be a list of such entries: ${wanted}`);
  const isTo = (each: Entry) => each.name === undefined || isText(each.name, NAME);
  if (!isList(to, isTo)) {
    return wrong(
      ['spec', 'to'],
      'must be a list of such entries: {group: "", kind: Service, name: payments}',
    );
  }
  ignore('from', from, isMeshPolicy, 'only MeshPolicies of weft.dev');
  ignore('to', to, isService, 'only Services of the core group, which is written ""');
  return translateReferenceGrant({ metadata: { name, namespace }, spec: { from, to } });

  function wrong(path: readonly string[], message: string): undefined {
    report(path, `${path.join('.')} ${message}`);
  }
  function ignore(field: string, entries: readonly Entry[], counts: (each: Entry) => boolean, only: string) {
    entries.forEach((each, index) => {
      if (counts(each)) return;
      report(['spec', field, index], `spec.${field}[${index}] is ignored: ${only} count here`, true);
    });
  }
}

function isText(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && value.length <= 253 && form.test(value);
}

function isList(value: unknown, isRight: (entry: Entry) => boolean): value is Entry[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > ENTRIES_MAX) return false;
  return value.every((entry: Partial<Entry> | null) => {
    if (typeof entry !== 'object' || entry === null) return false;
    return typeof entry.group === 'string' && typeof entry.kind === 'string' && isRight(entry as Entry);
  });
}
