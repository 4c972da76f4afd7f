/**
 * Documents with a verdict, for every judge of MeshPolicy: the validator here and a real API server must agree.
 */
export interface PolicyCase {
  /** a sentence */
  readonly name: string;
  readonly document: unknown;
  readonly valid: boolean;
  /** where the validator sees the problem */
  readonly path?: string;
  /** words of a rule across fields, which the API server answers too */
  readonly rule?: string;
}

export function valid(name: string, spec: unknown): PolicyCase {
  return { name, document: document(spec), valid: true };
}

/** Refused by the shape of the schema. */
export function misshapen(name: string, path: string, spec: unknown): PolicyCase {
  return { name, document: document(spec), valid: false, path };
}

/** Refused by a rule across fields. */
export function broken(name: string, path: string, rule: string, spec: unknown): PolicyCase {
  return { name, document: document(spec), valid: false, path, rule };
}

function document(spec: unknown): unknown {
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: { name: 'example', namespace: 'shop' },
    spec,
  };
}

/** Specs that a case is about one part of. */
export const rules = (...list: unknown[]) => ({ inbound: { authorization: { rules: list } } });
export const from = (...sources: unknown[]) => rules({ name: 'rule', action: 'Allow', from: sources });
export const to = (...operations: unknown[]) => rules({ name: 'rule', action: 'Allow', to: operations });
export const service = { kind: 'Service', name: 'payments' };
export const traffic = (part: unknown) => ({ target: service, traffic: part });
export const route = (part: object) => traffic({ routes: [{ name: 'route', ...part }] });
export const strict = { mtls: { mode: 'Strict' } };
export const RULES_AT = 'spec.inbound.authorization.rules[0]';
export const ROUTE_AT = 'spec.traffic.routes[0]';
