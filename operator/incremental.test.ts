import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './compile/canonical-json.ts';
import { compileDestination } from './compile/destination.ts';
import { acceptanceOf } from './compile/effective.ts';
import { type CompiledProxy, compileProxyConfig } from './compile/proxy-config.ts';
import { referencesOf } from './compile/references.ts';
import { trafficConflicts } from './compile/traffic/conflicts.ts';
import type { Dirty } from './mesh/dirty.ts';
import { Mesh } from './mesh/mesh.ts';
import type { Change, Policy } from './mesh/model.ts';
import { DestinationCache } from './publish/destination-cache.ts';
import { changes, DESTINATION_KEYS, objects } from './testing/arbitrary-mesh.ts';
import { SETTINGS } from './testing/builders.ts';

type Texts = Record<string, string>;

/** What a long-running operator holds: compiled once, and again only where it was marked. */
class Incremental {
  readonly mesh = new Mesh(SETTINGS);
  readonly #destinations = new DestinationCache(this.mesh);
  readonly #proxies = new Map<string, CompiledProxy>();
  readonly #sent = new Map<string, string>();
  readonly #policies = new Map<string, string>();

  apply(batch: readonly Change[]): void {
    const dirty = this.mesh.apply(batch);
    for (const key of dirty.workloads) {
      const workload = this.mesh.workload(key);
      if (workload !== undefined && this.mesh.isMeshed(workload)) {
        this.#proxies.set(key, compileProxyConfig(this.mesh, workload));
      } else this.#proxies.delete(key);
    }
    this.#destinations.changed(dirty.hosts);
    this.#send(dirty);
    for (const key of dirty.policies) {
      const policy = this.mesh.policy(key);
      if (policy === undefined) this.#policies.delete(key);
      else this.#policies.set(key, statusInputs(this.mesh, policy, this.#proxies));
    }
  }

  /** What sidecars that are subscribed to everything are told. */
  #send(dirty: Dirty): void {
    const consumers = new Set(this.mesh.workloads().map(({ key }) => key));
    for (const pair of this.#sent.keys()) if (!consumers.has(pair.split(' ')[0]!)) this.#sent.delete(pair);
    for (const consumer of this.mesh.workloads()) {
      for (const key of DESTINATION_KEYS) {
        const host = key.slice(0, key.lastIndexOf(':')).replace(/^\[|\]$/g, '');
        if (!dirty.hosts.has(host) && !dirty.consumers.has(consumer.key) && this.#sent.size > 0) continue;
        const { version, text } = this.#destinations.get(key, consumer);
        this.#sent.set(`${consumer.key} ${key}`, `${canonicalJson(version)} ${text}`);
      }
    }
  }

  get texts(): Texts {
    const proxies = [...this.#proxies].map(([key, { config }]) => [`proxy ${key}`, canonicalJson(config)]);
    const policies = [...this.#policies].map(([key, text]) => [`policy ${key}`, text]);
    return sorted([...proxies, ...this.#sent, ...policies] as [string, string][]);
  }
}

/** The same, all compiled anew. */
function fromScratch(mesh: Mesh): Texts {
  const meshed = mesh.workloads().filter((each) => mesh.isMeshed(each));
  const proxies = new Map(meshed.map((each) => [each.key, compileProxyConfig(mesh, each)]));
  const destinations = mesh.workloads().flatMap((consumer) =>
    DESTINATION_KEYS.map((key) => {
      const destination = compileDestination(mesh, key, consumer);
      const text = `${canonicalJson(destination?.version)} ${canonicalJson(destination)}`;
      return [`${consumer.key} ${key}`, text] as [string, string];
    }),
  );
  return sorted([
    ...[...proxies].map(([key, { config }]) => [`proxy ${key}`, canonicalJson(config)] as [string, string]),
    ...destinations,
    ...mesh
      .policies()
      .map((policy): [string, string] => [`policy ${policy.key}`, statusInputs(mesh, policy, proxies)]),
  ]);
}

/** What a policy's status is computed from, besides who holds it. */
function statusInputs(mesh: Mesh, policy: Policy, proxies: ReadonlyMap<string, CompiledProxy>): string {
  const conflicts = [...proxies.keys()]
    .sort()
    .flatMap((key) => proxies.get(key)!.conflicts.filter(({ loser }) => loser === policy.key));
  return canonicalJson([
    ...[acceptanceOf(mesh, policy), referencesOf(mesh, policy)],
    ...[trafficConflicts(mesh, policy), conflicts],
  ]);
}

function sorted(entries: readonly (readonly [string, string])[]): Texts {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function meshAfter(batches: readonly (readonly Change[])[]): Mesh {
  const mesh = new Mesh(SETTINGS);
  const newest = new Map(batches.flat().map((change) => [`${change.kind} ${change.key}`, change]));
  mesh.apply([...newest.values()].filter(({ value }) => value !== undefined));
  return mesh;
}

describe('compiling only what was marked', () => {
  it('gives, after every change, the bytes of compiling everything from scratch', () => {
    fc.assert(
      fc.property(objects(30), fc.array(changes(3), { minLength: 1, maxLength: 4 }), (start, batches) => {
        const operator = new Incremental();
        operator.apply(start);
        batches.forEach((batch, index) => {
          operator.apply(batch);
          const goal = meshAfter([start, ...batches.slice(0, index + 1)]);
          assert.deepEqual(operator.texts, fromScratch(goal));
        });
      }),
      { numRuns: 100 },
    );
  });
});
