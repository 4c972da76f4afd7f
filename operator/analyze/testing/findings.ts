import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding, Severity } from '../../../api/analysis.ts';
import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';
import type { Change, Policy } from '../../mesh/model.ts';
import { meshOf, policy, service, set, slice, workload } from '../../testing/builders.ts';
import { valueByPath } from '../../testing/paths.ts';
import { findingsIn } from '../check/check.ts';
import { Inspection } from '../check/inspection.ts';

/** Services `pay` (port 80, HTTP) and `web` of namespace shop with a meshed pod each, and `ops/job` without Service. */
export const PORTS = [{ name: 'http', port: 80, protocol: 'HTTP' as const, targetPort: 8080 }];
export const CONTAINER = [{ name: 'http', port: 8080 }];
export const SHOP: Change[] = [
  ...set(
    'Workload',
    workload('shop/pay', { addresses: ['10.0.0.1'], ports: CONTAINER }),
    workload('shop/web', { addresses: ['10.0.0.2'], ports: CONTAINER }),
    workload('ops/job', { addresses: ['10.0.0.3'] }),
  ),
  ...set('Service', service('shop/pay', { ports: PORTS }), service('shop/web', { ports: PORTS })),
  ...set(
    'EndpointSlice',
    slice('shop/pay', { 'shop/pay': '10.0.0.1' }),
    slice('shop/web', { 'shop/web': '10.0.0.2' }),
  ),
];

export const NOW_MS = Date.parse('2026-03-01T00:00:00Z');
export const PAY = { kind: 'Service', name: 'pay' } as const;

export function says(spec: MeshPolicySpec, key = 'shop/p', rest: Partial<Policy> = {}): Change[] {
  return set('Policy', policy(key, spec, rest));
}

export interface World {
  /** undefined: they may not be listed */
  readonly injectedNamespaces?: readonly string[] | undefined;
  readonly uninjectable?: readonly string[];
  readonly cutOff?: Readonly<Record<string, string>>;
  readonly mislabelledNamespaces?: Readonly<Record<string, string>>;
  readonly refusingNamespaces?: Readonly<Record<string, string>>;
  readonly refusedPods?: Readonly<Record<string, string>>;
}

export function findingsOf(changes: readonly Change[], world: World = { injectedNamespaces: [] }): Finding[] {
  const { injectedNamespaces, uninjectable, cutOff = {}, refusedPods = {} } = world;
  const { mislabelledNamespaces = {}, refusingNamespaces = {} } = world;
  const read = {
    injectedNamespaces: injectedNamespaces && new Set(injectedNamespaces),
    uninjectable: new Set(uninjectable),
    cutOff: new Map(Object.entries(cutOff)),
    mislabelledNamespaces: new Map(Object.entries(mislabelledNamespaces)),
    refusingNamespaces: new Map(Object.entries(refusingNamespaces)),
    refusedPods: new Map(Object.entries(refusedPods)),
  };
  return findingsIn(new Inspection(meshOf(SHOP, changes), read, { nowMs: NOW_MS, auditDays: 14 }));
}

export interface Row {
  readonly code: string;
  readonly what: string;
  readonly severity: Severity;
  /** what is added to the shop; the finding is there, at this place */
  readonly has: readonly Change[];
  readonly at: string;
  readonly says: RegExp;
  /** each nearly the same, without the finding */
  readonly hasNot: Readonly<Record<string, readonly Change[]>>;
  readonly world?: World;
  readonly otherWorld?: World;
}

/** One test for what has the finding, once, and one for each that has not. */
export function testFindings(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const { code, what, severity, has, at, says: words, hasNot, world, otherWorld } of rows) {
      it(`${code}: ${what}`, () => {
        const found = findingsOf(has, world).filter((each) => each.code === code);
        assert.deepEqual(
          found.map(({ severity: of, where: { name, field } }) => [
            of,
            [name, field].filter(Boolean).join(' '),
          ]),
          [[severity, at]],
        );
        assert.ok(isWritten(found[0]!, has), 'the field is one of the policy');
        assert.match(found[0]!.message, words);
        assert.notEqual(found[0]!.fix, '');
      });
      for (const [but, changes] of Object.entries(hasNot)) {
        it(`no ${code}: ${but}`, () => {
          const codes = findingsOf(changes, otherWorld ?? world).map((each) => each.code);
          assert.ok(!codes.includes(code), codes.join(', '));
        });
      }
    }
  });
}

/** Whether the policy has the field; `spec.target` stands also for the one that is meant where none is written. */
function isWritten({ where: { kind, name, field } }: Finding, changes: readonly Change[]): boolean {
  if (kind !== 'MeshPolicy' || field === undefined || field === 'spec.target') return true;
  const policies = changes.filter((each) => each.kind === 'Policy' && each.key === name);
  return policies.some(({ value }) => valueByPath(value, field) !== undefined);
}
