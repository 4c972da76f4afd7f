import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { validateMeshPolicy } from '../../api/validate.ts';
import { callerOf } from '../../cli/propose/caller.ts';
import { proposalYaml } from '../../cli/propose/proposal-yaml.ts';
import { type Proposal, propose } from '../../cli/propose/propose.ts';
import { proposedPolicy } from '../../cli/propose/proposed-policy.ts';
import { keyOf } from '../../cli/propose/seen.ts';
import { compileProxyConfig } from '../../operator/compile/proxy-config.ts';
import { meshOf, policy, service, set, slice, workload } from '../../operator/testing/builders.ts';
import { InboundReplay } from '../../sidecar/explain/inbound-replay.ts';
import { recordOf } from '../../sidecar/explain/trail-record.fixture.ts';
import { normalizePath } from '../../sidecar/http1/normal-form.ts';

/** What a proposal says, through every room: written, read again, compiled by the operator, judged by the sidecar. */
const HOME = { namespace: 'shop', controlPlaneNamespace: 'weft-system', trustDomain: 'cluster.local' };
const NAMING = { name: 'pay-callers', namespace: 'shop', target: { kind: 'Service', name: 'pay' } } as const;

const segment = fc.oneof(
  fc.constantFrom(
    'v1',
    'items',
    'admin',
    '1',
    '2',
    '42',
    'a;x=1',
    '2;x',
    '*',
    '**',
    'a*',
    'b%20c',
    '%2F',
    '..;y',
  ),
  fc.stringMatching(/^[A-Za-z0-9._~!$&'()+,;=:@-]{1,12}$/),
);
const path = fc
  .tuple(fc.array(segment, { maxLength: 10 }), fc.boolean())
  .map(([segments, isFolder]) => normalizePath(`/${segments.join('/')}${isFolder ? '/' : ''}`).path);
/** Few, so that requests meet. */
const few = fc.constantFrom(
  '/',
  '/v1',
  '/v1/1',
  '/v1/2',
  '/v1/2/',
  '/v1/*',
  '/v1/a;x',
  '/v1/a',
  '/v1/1/2',
  '/1',
  '/2',
);
const who = fc.oneof(
  fc.constantFrom('shop/sa/web', 'shop/sa/app', 'ops/sa/web', 'ops/sa/1e3').map((name) => ({
    ...{ caller: `spiffe://cluster.local/ns/${name}`, callerAddress: '10.0.0.7', encrypted: true },
  })),
  fc.constant({ caller: 'spiffe://other.example/x', callerAddress: '10.0.0.8', encrypted: true }),
  fc.constantFrom('10.0.0.7', '10.0.0.9', 'fd00::9').map((address) => ({
    ...{ caller: address, callerAddress: address, encrypted: false },
  })),
);
const asked = fc.oneof(
  fc.record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'PUT', 'NO', 'get'),
    path: fc.oneof(path, few, few, few),
  }),
  fc.record({ method: fc.constantFrom('CONNECT', 'OPTIONS'), path: fc.constant(undefined) }),
  fc.record({ method: fc.constant('OPTIONS'), path: few }),
);
const record = fc
  .tuple(
    who,
    asked,
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 0, max: 7 }),
    fc.integer({ min: 0, max: 60 }),
  )
  .map(([caller, request, endedMs, denied, cut]) =>
    recordOf({
      ...{ at: '10.0.0.2:8080', endedMs, pathIsCut: cut === 0 && request.path !== undefined },
      ...{ ...caller, ...request },
      ...(denied === 0 && { verdict: 'denied', code: 'denied', status: 403, policy: 'shop/p' }),
    }),
  );

function compiled(document: MeshPolicy) {
  const pay = workload('shop/pay', { addresses: ['10.0.0.2'], ports: [{ name: 'http', port: 8080 }] });
  const ports = [{ name: 'http', port: 80, protocol: 'HTTP' as const, targetPort: 8080 }];
  const mesh = meshOf(
    set('Workload', pay),
    set('Service', service('shop/pay', { ports })),
    set('EndpointSlice', slice('shop/pay', { 'shop/pay': '10.0.0.2' })),
    set('Policy', policy('shop/pay-callers', document.spec)),
  );
  return compileProxyConfig(mesh, pay).config;
}

const askedBy = (record: TrailRecord) =>
  `${callerOf(record, HOME)?.name ?? record.caller} ${keyOf({ ...record, isCut: record.pathIsCut })}`;

function uncoveredBy({ uncovered }: Proposal): Set<string> {
  return new Set(uncovered.flatMap(({ caller, seen }) => seen.map((each) => `${caller} ${keyOf(each)}`)));
}

it('a proposal allows all that was allowed but what it lists, and nothing that was denied and stays so', () => {
  const judged = { allowed: 0, denied: 0, narrowed: 0 };
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 60, size: 'max' }),
      fc.boolean(),
      (records, withAddresses) => {
        const proposal = propose(records, { ...HOME, withAddresses, isConditional: () => false });
        if (proposal.rules.length === 0) return;
        const written = proposalYaml(proposedPolicy(NAMING, proposal.rules), proposal.rules, []);
        const document = parse(written, { version: '1.1' }) as MeshPolicy;
        assert.deepEqual(validateMeshPolicy(document), []);
        const config = compiled(document);
        const replay = new InboundReplay(config, undefined);
        const uncovered = uncoveredBy(proposal);
        const allowed = records.filter(({ verdict }) => verdict === 'allowed');
        for (const record of allowed) {
          if (uncovered.has(askedBy(record))) continue;
          assert.equal(replay.judge(record), 'unchanged', `${askedBy(record)}\n${written}`);
          judged.allowed += 1;
        }
        for (const record of records.filter(({ verdict }) => verdict === 'denied')) {
          const same = allowed.filter((each) => askedBy(each) === askedBy(record));
          const isOver = same.length > 0 && same.every(({ endedMs }) => endedMs > record.endedMs);
          const judgement = replay.judge(record);
          if (isOver || record.pathIsCut) continue;
          assert.notEqual((judgement as { kind?: string }).kind, 'allowed', `${askedBy(record)}\n${written}`);
          judged.denied += 1;
        }
        judged.narrowed += Number(JSON.stringify(document).includes('"/v1/1"'));
      },
    ),
    { numRuns: 400 },
  );
  // it was about something
  for (const [what, count] of Object.entries(judged)) assert.ok(count > 3, `${what}: ${count}`);
});
