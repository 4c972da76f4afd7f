/**
 * Documents with a verdict, for every judge of MeshPolicy: the validator here and a real API server must agree.
 */
export interface PolicyCase {
  /** a sentence */
  readonly name: string;
  readonly document: unknown;
  readonly valid: boolean;
  /** where both judges see the problem: `spec.inbound.authorization.rules[0].action` */
  readonly path?: string;
  /** words that the API server says of that place */
  readonly words?: string;
  /** whether the words are those of a rule across fields, which the validator here says too */
  readonly isRule?: boolean;
}

export function valid(name: string, spec: unknown): PolicyCase {
  return { name, document: document(spec), valid: true };
}

/** Refused by the shape of the schema. The words are the API server's own. */
export function misshapen(name: string, path: string, words: ShapeWords, spec: unknown): PolicyCase {
  return { name, document: document(spec), valid: false, path, words };
}

/** Refused by a rule across fields. */
export function broken(name: string, path: string, words: string, spec: unknown): PolicyCase {
  return { name, document: document(spec), valid: false, path, words, isRule: true };
}

/** What an API server says of a shape that is not the schema's. */
export type ShapeWords =
  | 'Required value'
  | 'Unsupported value'
  | 'Duplicate value'
  | 'unknown field'
  | 'should match'
  | `must be of type ${string}`
  | `should be at least ${number} chars long`
  | `may not be more than ${number} bytes`
  | `should be greater than or equal to ${number}`
  | `should be less than or equal to ${number}`
  | `should have at least ${number} ${'items' | 'properties'}`
  | `must have at most ${number} items`;

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
