import fc from 'fast-check';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Change } from '../mesh/model.ts';
import { specsOf } from './arbitrary-policy.ts';
import { keySet, policy, referenceGrant, remove, service, set, slice, workload } from './builders.ts';

/** Small meshes in which everything is likely to be about everything else. */

const NAMESPACES = ['shop', 'ops', 'weft-system'];
const NAMES = ['a', 'b', 'c'];
const LABELS: Readonly<Record<string, string>>[] = [
  { app: 'a' },
  { app: 'b' },
  { version: 'v1' },
  { app: 'c', version: 'v1' },
];
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1'];
const PORTS = ['http', 'web', 80, 8080];
const KEY_SETS = ['https://id.example/keys', 'https://login.example/keys'];

/** Mostly the first, so that objects meet. */
const namespace = fc.constantFrom('shop', 'shop', ...NAMESPACES);
const name = fc.constantFrom('a', ...NAMES);
const key = fc.tuple(namespace, name).map(([ns, each]) => `${ns}/${each}`);
const address = fc.constantFrom(...ADDRESSES);
const portName = fc.constantFrom('http', 'web');
const zone = fc.constantFrom(undefined, 'z1', 'z2');

const specs = specsOf({
  ...{ namespaces: NAMESPACES, services: NAMES, labels: LABELS, ports: PORTS, keySets: KEY_SETS },
});
const NEVER_VALID = { inbound: { mtls: { mode: 'Sometimes' }, jwt: { issuers: 'all' } } };
const unjudged = fc.oneof(
  { weight: 9, arbitrary: specs },
  { weight: 1, arbitrary: fc.constant(NEVER_VALID as unknown as MeshPolicySpec) },
);

const policies = fc
  .record({
    key,
    spec: unjudged,
    day: fc.integer({ min: 1, max: 3 }),
    generation: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ key: of, spec, day, generation }) =>
    set('Policy', policy(of, spec, { generation, createdAt: `2026-01-0${day}T00:00:00Z` })),
  );
const revisions = fc
  .record({ key, spec: specs, uid: fc.boolean() })
  .map(({ key: of, spec, uid }) =>
    set('AcceptedRevision', { key: of, uid: uid ? `uid-of-${of}` : 'another', generation: 1, spec }),
  );
const workloads = fc
  .record({
    ...{ key, address, labels: fc.constantFrom(...LABELS), portName, zone },
    ...{ port: fc.constantFrom(80, 8080), account: name, finished: fc.nat(9), meshed: fc.boolean() },
    skipped: fc.boolean(),
  })
  .map((each) =>
    set(
      'Workload',
      workload(each.key, {
        ...{ addresses: [each.address], serviceAccount: each.account, finished: each.finished === 0 },
        labels: { ...each.labels, ...(each.zone && { 'topology.kubernetes.io/zone': each.zone }) },
        ports: [{ name: each.portName, port: each.port }],
        ...(each.meshed ? {} : { proxyId: undefined }),
        ...(each.skipped ? { skippedInboundPorts: [8080] } : {}),
      }),
    ),
  );
const services = fc
  .record({
    ...{ key, selector: fc.constantFrom({}, ...LABELS), portName, ip: fc.integer({ min: 1, max: 3 }) },
    targetPort: fc.constantFrom(undefined, 8080, 'http', 'web'),
    protocol: fc.constantFrom(undefined, 'HTTP' as const, 'TCP' as const),
  })
  .map(({ key: of, selector, portName: named, ip, targetPort, protocol }) =>
    set(
      'Service',
      service(of, {
        ...{ selector, addresses: [`10.96.0.${ip}`] },
        ports: [{ name: named, port: 80, protocol, ...(targetPort !== undefined && { targetPort }) }],
      }),
    ),
  );
const slices = fc
  .record({ key, behind: name, address, portName, zone, ready: fc.boolean(), isReferenced: fc.boolean() })
  .map(({ key: of, behind, address: ip, portName: named, ...endpoint }) => {
    const one = slice(of, { [`${of.split('/')[0]}/${behind}`]: ip }, [{ name: named, port: 8080 }]);
    const { zone: inZone, ready, isReferenced } = endpoint;
    const endpoints = one.endpoints.map((each) => ({
      ...{ ...each, ready, ...(inZone && { zone: inZone }) },
      workload: isReferenced ? each.workload : undefined,
    }));
    return set('EndpointSlice', { ...one, endpoints });
  });
const keySets = fc
  .tuple(fc.constantFrom(...KEY_SETS), fc.constantFrom('1', '2'))
  .map(([uri, kid]) => set('KeySet', keySet(uri, [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid }])));
const grants = fc
  .tuple(key, fc.subarray(NAMESPACES), fc.subarray(NAMES))
  .map(([of, from, to]) => set('ReferenceGrant', referenceGrant(of, from, to)));

const appearing: fc.Arbitrary<Change> = fc
  .oneof(
    { weight: 4, arbitrary: policies },
    { weight: 3, arbitrary: workloads },
    { weight: 3, arbitrary: services },
    { weight: 3, arbitrary: slices },
    { weight: 1, arbitrary: revisions },
    { weight: 1, arbitrary: keySets },
    { weight: 1, arbitrary: grants },
  )
  .map(([change]) => change!);

/** Of every object at most one, so that the order in which they come says nothing. */
export function objects(maxLength: number): fc.Arbitrary<Change[]> {
  return fc.uniqueArray(appearing, {
    minLength: maxLength / 2,
    maxLength,
    selector: ({ kind, key: of }) => `${kind} ${of}`,
  });
}

/** Any changes, of what is there and of what is not. */
export function changes(maxLength: number): fc.Arbitrary<Change[]> {
  const going = appearing.map((change) => remove(change.kind, change.key));
  const any = fc.oneof({ weight: 3, arbitrary: appearing }, { weight: 1, arbitrary: going });
  return fc.array(any, { maxLength, minLength: 1 });
}

/** Keys of destinations, some of which lead to something. */
export const DESTINATION_KEYS: readonly string[] = [
  ...['10.0.0.1:8080', '10.0.0.2:80', '[fd00::1]:8080', '10.96.0.1:80', '10.96.0.2:80', '10.96.0.3:81'],
  ...['shop/a:80', 'shop/b:80', 'ops/a:80', 'ops/b:80', 'weft-system/c:80'],
];
