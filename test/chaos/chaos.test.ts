import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { skipWithoutCluster } from '../cluster/cluster.ts';
import { openSite } from '../cluster/clustersite.ts';
import { ChaosSite } from './chaossite.ts';
import { Run } from './run.ts';
import { textOf } from './verdict/text.ts';

/** What `npm test` plays; by hand `npm run chaos` takes any. */
const SEED = Number(process.env.WEFT_CHAOS_SEED ?? 2027);
const MINUTES = Number(process.env.WEFT_CHAOS_MINUTES ?? (process.env.CI === 'true' ? 10 : 4));

const given = process.env.KUBECONFIG ? 'this needs the node: unset KUBECONFIG' : false;

describe('Bad days of a cluster', { skip: given || (await skipWithoutCluster()) }, () => {
  let site: ChaosSite;

  before(async () => {
    site = await openSite(ChaosSite);
  });
  after(() => site?.close());

  it('break none of what the mesh promises always', async (t) => {
    // at once: diagnostics are shown when a test ends, which takes minutes
    const say = (line: string) => console.log(line);
    const summary = await new Run(site, { seed: SEED, minutes: MINUTES, without: [], say }).play();
    for (const line of textOf(summary)) t.diagnostic(line);
    assert.deepEqual(summary.broken, []);
    site.forgetRecords();
  });
});
