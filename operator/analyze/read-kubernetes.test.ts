import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readMesh } from './read-mesh.ts';

const SOURCE = {
  type: 'Kubernetes',
  controlPlaneNamespace: 'weft-system',
  trustDomain: 'cluster.local',
} as const;

describe('a machine without a kubeconfig', () => {
  const { HOME, KUBECONFIG } = process.env;
  let home = '';
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'weft-no-kubeconfig-'));
    process.env.HOME = home;
    delete process.env.KUBECONFIG;
  });
  afterEach(async () => {
    process.env.HOME = HOME;
    if (KUBECONFIG !== undefined) process.env.KUBECONFIG = KUBECONFIG;
    await rm(home, { recursive: true });
  });

  it('knows no cluster, which is said with what to do', async () => {
    await assert.rejects(readMesh(SOURCE), {
      ...{ name: 'AnalysisError', usage: true },
      message: 'no cluster is known, and no weft run runs here',
      hint: /KUBECONFIG or --kubeconfig/,
    });
  });

  it('has no context either', async () => {
    await assert.rejects(readMesh({ ...SOURCE, context: 'prod' }), {
      ...{ usage: true, message: 'there is no context prod' },
    });
  });
});
