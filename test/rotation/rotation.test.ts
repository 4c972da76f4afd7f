import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { CaReport } from '../../api/ca-report.ts';
import type { Platform, StoredRoots } from '../../operator/platform.ts';
import { LEAF_MS, type MeshOptions, RotatingMesh, type Tally } from './mesh.fixture.ts';

/** Leaves of seconds, a root of half a minute, real sockets; every request is a handshake. */
describe('the rotation of the root, under load', { timeout: 180_000 }, () => {
  async function meshOf(t: TestContext, options: MeshOptions = {}): Promise<RotatingMesh> {
    const mesh = await RotatingMesh.start(options);
    t.after(() => mesh.stop());
    return mesh;
  }
  const signs = (mesh: RotatingMesh) => mesh.operator.authority.roots[0]!;
  const assertAnswered = ({ answered, failures }: Tally, atLeast: number) => {
    assert.deepEqual(failures, []);
    assert.ok(answered >= atLeast, `${answered} requests were answered`);
  };

  it('replaces the root without a failed handshake', async (t) => {
    const mesh = await meshOf(t);
    const first = signs(mesh);
    const loads = [mesh.load('web', 'api'), mesh.load('api', 'web')];
    const phases: string[] = [];
    await mesh.until('the new root is alone', () => {
      if (phases.at(-1) !== mesh.phase) phases.push(mesh.phase);
      return mesh.operator.authority.roots.length === 1 && signs(mesh) !== first;
    });
    await Promise.all(loads.map((load) => load.end()));
    assert.deepEqual(phases.slice(0, 3), ['Steady', 'Distributing', 'Renewing']);
    for (const { tally } of loads) assertAnswered(tally, 200);
    assert.equal(mesh.refusals(), 0);
    assert.ok(!mesh.logged.some((line) => /goes on without/.test(line)), mesh.logged.join('\n'));
    for (const { sidecar } of mesh.pods.values()) assert.deepEqual(sidecar.reasons(), []);
  });

  it('goes on after a lifetime without a sidecar that is cut off, names it, and has it back', async (t) => {
    const mesh = await meshOf(t);
    const first = signs(mesh);
    const others = [mesh.load('web', 'api'), mesh.load('api', 'web')];
    const alone = mesh.load('far', 'api');
    // so late that its certificate outlives the begin, and before it can have heard of the new root
    await mesh.until('the rotation is about to begin', () => Date.now() >= mesh.rotationDueMs - 300);
    mesh.cut('far');
    const cutMs = Date.now();
    await mesh.until('the new root signs', () => signs(mesh) !== first, 3 * LEAF_MS);
    await alone.end();
    assert.ok(Date.now() - cutMs >= LEAF_MS, 'it was waited for');
    assert.ok(
      mesh.logged.some((line) => /goes on without 1.*shop\/far/.test(line)),
      mesh.logged.join('\n'),
    );
    // its own certificate ends within a lifetime; until then it is served like anybody
    const late = alone.tally.failures.filter(
      (failure) => Date.parse(failure.split(' ')[0]!) < cutMs + LEAF_MS / 4,
    );
    assert.deepEqual(late, []);
    await mesh.until('the old root is gone', () => mesh.operator.authority.roots.length === 1, 3 * LEAF_MS);
    await Promise.all(others.map((load) => load.end()));
    for (const { tally } of others) assertAnswered(tally, 200);
    mesh.restore('far');
    const again = mesh.load('far', 'api');
    await mesh.until('it is answered again', () => again.tally.answered > 20);
    await again.end();
  });

  it('is taken up by the next operator, wherever the one before was killed', async (t) => {
    const killed: string[] = [];
    let dies: (() => void) | undefined;
    const wrap = (platform: Platform): Platform => {
      let isDead = false;
      return {
        ...platform,
        async replaceRoots(roots: StoredRoots) {
          const { phase } = JSON.parse(roots.rotation!) as { phase: string };
          const kill = (moment: string) => {
            if (killed.includes(moment)) return;
            killed.push(moment);
            isDead = true;
            dies?.();
          };
          kill(`before ${phase}`);
          if (isDead) throw new Error('what is dead writes nothing');
          await platform.replaceRoots(roots);
          kill(`after ${phase}`);
          if (isDead) throw new Error('what is dead hears no answer');
          return true;
        },
      };
    };
    const mesh = await meshOf(t, { wrap });
    const first = signs(mesh);
    const loads = [mesh.load('web', 'api'), mesh.load('api', 'web'), mesh.load('far', 'web')];
    let restarts = Promise.resolve();
    dies = () => {
      restarts = restarts.then(async () => {
        await mesh.operator.stop();
        await mesh.startOperator();
      });
    };
    const steps = ['Distributing', 'Renewing', 'Retiring', 'Steady'];
    const moments = steps.flatMap((step) => [`before ${step}`, `after ${step}`]);
    await mesh.until(
      'it was killed at each step',
      () => moments.every((moment) => killed.includes(moment)),
      90_000,
    );
    await restarts;
    await Promise.all(loads.map((load) => load.end()));
    for (const { tally } of loads) assertAnswered(tally, 200);
    assert.equal(mesh.refusals(), 0);
    assert.notEqual(signs(mesh), first);
  });

  it('begins anew with a root that has ended while no operator ran, without anybody’s help', async (t) => {
    const mesh = await meshOf(t, { rootMs: 2 * LEAF_MS });
    const first = signs(mesh);
    await mesh.operator.stop();
    const endMs = 1_000 * mesh.operator.metrics().weft_operator_root_end_timestamp_seconds!;
    await mesh.until('the root has ended', () => Date.now() > endMs + 1_000);
    const meanwhile = mesh.load('web', 'api');
    await mesh.until('nobody trusts anybody', () => meanwhile.tally.failures.length > 0);
    await mesh.startOperator();
    assert.notEqual(signs(mesh), first);
    // what was written last is what the new operator finds: the files, as the kubelet mounts them
    const { answered } = meanwhile.tally;
    await mesh.until('it is answered again', () => meanwhile.tally.answered > answered + 20);
    await meanwhile.end();
    assert.ok(mesh.logged.some((line) => /the root has ended/.test(line)));
    const again = [mesh.load('far', 'web'), mesh.load('api', 'far')];
    await mesh.until('all are', () => again.every(({ tally }) => tally.answered > 20));
    await Promise.all(again.map((load) => load.end()));
  });

  it('tells in a file how far it is, and nothing secret', async (t) => {
    const mesh = await meshOf(t);
    await mesh.until('the new root is distributed', () => mesh.phase === 'Distributing');
    let report: CaReport | undefined;
    let text = '';
    await mesh.until('the report says so', () => {
      void readFile(join(mesh.stateFolder, 'rotation.json'), 'utf8').then(
        (read) => {
          text = read;
          report = JSON.parse(read) as CaReport;
        },
        () => {},
      );
      return report?.phase !== undefined && report.phase !== 'Steady';
    });
    assert.ok(report!.roots.length === 2);
    assert.doesNotMatch(text, /PRIVATE|BEGIN/);
  });
});
