import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CaReport } from '../../api/ca-report.ts';
import { systemClock } from '../../operator/clock.ts';
import { alternativeNames } from '../../operator/identity/peer.ts';
import { fingerprintOf } from '../../operator/identity/trust-bundle.ts';
import { CertManager } from '../../operator/kubernetes/cert-manager.ts';
import type { ConfigMapObject, KubernetesObject, SecretObject } from '../../operator/kubernetes/objects.ts';
import { RootSecret } from '../../operator/kubernetes/root-secret.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import type { Log } from '../../operator/log.ts';
import { Operator } from '../../operator/operator.ts';
import type { Platform, RootMaterial } from '../../operator/platform.ts';
import { RotatingMesh } from '../rotation/mesh.fixture.ts';
import { CertManagerProcess } from './cert-manager.fixture.ts';
import { NAMESPACE, OperatorCluster } from './operator-cluster.fixture.ts';

const REQUESTS = `/apis/cert-manager.io/v1/namespaces/${NAMESPACE}/certificaterequests`;
const MESH_CA = { kind: 'ClusterIssuer', name: 'mesh-ca', group: 'cert-manager.io' };
const WAIT_MS = 30_000;
/** How long an operator waits for one certificate. */
const TIMEOUT_MS = 2_000;

/** The controllers of cert-manager, operators with exactly the rights of their table, one API server. */
describe('cert-manager as issuer', { timeout: 300_000 }, () => {
  let cluster: OperatorCluster;
  let issuer: CertManagerProcess;
  let root: RootMaterial;
  const logged: string[] = [];
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    cluster = await OperatorCluster.start({ hasIssuer: true });
  });
  after(async () => {
    for (const end of ends) await end();
    await issuer?.kill();
    await cluster?.stop();
  });

  const isLogged = (text: RegExp) => logged.some((line) => text.test(line));
  const secret = async (namespace: string, name: string) => {
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    await until(path, () => cluster.exists(path), WAIT_MS);
    const { data = {} } = await cluster.get<SecretObject>(path);
    return (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  };
  const report = async (): Promise<CaReport | undefined> => {
    const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/weft-trust-bundle`;
    const { data } = await cluster.get<ConfigMapObject>(path).catch((): ConfigMapObject => ({}));
    const text = data?.['rotation.json'];
    return text === undefined ? undefined : (JSON.parse(text) as CaReport);
  };
  const requests = async () => (await cluster.get<{ items: KubernetesObject[] }>(REQUESTS)).items;

  /** An operator that runs, or waits to; ended by `end`. */
  function run(name: string, reference = MESH_CA) {
    const stopping = new AbortController();
    const note = (data: object, message: string) => void logged.push(`${message} ${JSON.stringify(data)}`);
    const log: Log = { debug() {}, info: note, warn: note, error: note };
    const platform = cluster.makePlatform(name, { issuer: reference, issuerTimeoutMs: TIMEOUT_MS, log });
    const started = Operator.start({
      ...{ platform, trustDomain: 'cluster.local', controlPlaneNamespace: NAMESPACE, log },
      ...{ listen: { host: '127.0.0.1', port: 0 }, dnsNames: ['weft-operator.weft-system.svc'] },
      ...{ clock: systemClock, random: Math.random, signal: stopping.signal },
    });
    started.then(({ authority }) => platform.manageInjector(authority)).catch(() => {});
    let ended: Promise<void> | undefined;
    const stop = async () => {
      stopping.abort();
      const operator = await started.catch(() => undefined);
      await (operator ?? platform).stop();
    };
    const end = () => {
      ended ??= stop();
      return ended;
    };
    ends.push(end);
    return { started, end };
  }

  describe('that cannot be', () => {
    test('as cert-manager is not installed: the operator says so and waits', async () => {
      const { started, end } = run('before-install');
      await until(
        'it is reported',
        async () => /NotInstalled/.test((await report())?.issuer?.reason ?? ''),
        WAIT_MS,
      );
      assert.match((await report())!.issuer!.reason!, /is cert-manager installed/);
      assert.equal((await report())!.phase, 'Waiting');
      assert.ok(isLogged(/knows no CertificateRequest of cert-manager.io\/v1/));
      await end();
      await assert.rejects(started, /stopped/);
    });

    test('as there is no such issuer: what cert-manager says of it is told', async () => {
      issuer = await CertManagerProcess.start(cluster.server.kubeconfigPath, cluster.admin);
      root = await issuer.createIssuer(MESH_CA.name);
      const { started, end } = run('no-issuer', { ...MESH_CA, name: 'nobody' });
      const says = /TimedOut: ClusterIssuer\/nobody has not signed within 2 s; it says: .*not found/;
      await until('it is reported', async () => says.test((await report())?.issuer?.reason ?? ''), WAIT_MS);
      await end();
      await assert.rejects(started, /stopped/);
      await until('nothing is left behind', async () => (await requests()).length === 0);
    });
  });

  describe('on a cluster', () => {
    let operator: Operator;
    let end: () => Promise<void>;

    test('signs for pods, the operator and the injector, and its requests are gone then', async () => {
      await cluster.meshedPod('web', 'signed');
      await cluster.setPodReady('shop/web', '10.1.2.3');
      const running = run('operator-a');
      end = running.end;
      operator = await running.started;
      const files = await secret('shop', 'weft-proxy-signed');
      const leaf = new X509Certificate(files('tls.crt'));
      const expected = { uris: ['spiffe://cluster.local/ns/shop/sa/web'], dnsNames: ['signed'] };
      assert.deepEqual(alternativeNames(leaf), expected);
      assert.ok(leaf.verify(new X509Certificate(root.certificate).publicKey));
      assert.ok(files('ca.crt').includes(root.certificate.trim()));
      const hours = (leaf.validToDate.getTime() - Date.now()) / 3_600_000;
      assert.ok(hours > 23.9 && hours < 24.1, `${hours} hours`);
      const injector = await secret(NAMESPACE, 'weft-injector-tls');
      assert.ok(
        new X509Certificate(injector('tls.crt')).verify(new X509Certificate(root.certificate).publicKey),
      );
      const ca = await secret(NAMESPACE, 'weft-ca');
      assert.equal(fingerprintOf(ca('tls.crt')), fingerprintOf(root.certificate));
      assert.equal(ca('tls.key'), '');
      await until('all requests are gone', async () => (await requests()).length === 0);
      await until(
        'the report names it',
        async () => (await report())?.issuer?.name === 'ClusterIssuer/mesh-ca',
      );
    });

    test('is not needed by an operator that starts while it is away', async () => {
      await issuer.kill();
      await end();
      const running = run('operator-b');
      end = running.end;
      operator = await running.started;
      assert.deepEqual(operator.authority.roots, [fingerprintOf(root.certificate)]);
    });

    test('finds nothing left of an operator that was killed while it waited', async () => {
      const script = join(import.meta.dirname, 'pending-request.fixture.ts');
      const env = { ...process.env, KUBECONFIG: cluster.server.kubeconfigPath };
      const child = spawn(process.execPath, [script, NAMESPACE], { env, stdio: 'ignore' });
      const exited = once(child, 'exit');
      await until('it waits', async () => (await requests()).length > 0, WAIT_MS);
      child.kill('SIGKILL');
      await exited;
      const left = (await requests()).map(({ metadata }) => metadata?.name);
      await end();
      // younger than this, somebody may still be waiting for it
      await new Promise((resolve) => setTimeout(resolve, 2 * TIMEOUT_MS));
      const running = run('operator-c');
      await running.started;
      await until(
        'it is gone',
        async () => !(await requests()).some(({ metadata }) => left.includes(metadata?.name)),
        WAIT_MS,
      );
      await issuer.run();
    });
  });

  describe('under load', () => {
    /** Long enough that a busy machine has time for what is due at half of it. */
    const LEAF_MS = 20_000;
    let mesh: RotatingMesh;
    const stopping = new AbortController();
    before(async () => {
      await issuer.createIssuer('loaded');
      mesh = await RotatingMesh.start({ wrap, leafMs: LEAF_MS, pauseMs: 20 });
    });
    after(async () => {
      await mesh?.stop();
      stopping.abort();
    });

    /** The folder's platform with the issuer, and the roots, of Kubernetes: real sidecars, on loopback. */
    function wrap(platform: Platform): Platform {
      const roots = new RootSecret(cluster.admin, 'shop');
      return {
        ...platform,
        loadRoot: () => roots.load(),
        createRoot: (made) => roots.create(made),
        replaceRoots: (made) => roots.replace(made),
        issuer: new CertManager({
          ...{ api: cluster.admin, namespace: 'shop', issuer: { ...MESH_CA, name: 'loaded' } },
          ...{ clock: systemClock, signal: stopping.signal, timeoutMs: TIMEOUT_MS },
        }),
      };
    }
    const metric = (name: string) => mesh.operator.metrics()[`weft_operator_issuer_${name}`] ?? Number.NaN;
    const said = (text: RegExp) => mesh.logged.some((line) => text.test(line));
    const signs = () => mesh.operator.authority.roots[0];
    /** Every request is a handshake. */
    async function underLoad(work: () => Promise<void>): Promise<void> {
      const loads = [mesh.load('web', 'api'), mesh.load('api', 'far')];
      try {
        await work();
      } finally {
        await Promise.all(loads.map((load) => load.end()));
      }
      for (const { tally } of loads) {
        assert.deepEqual(tally.failures, []);
        assert.ok(tally.answered > 50, `${tally.answered} requests were answered`);
      }
      assert.equal(mesh.refusals(), 0);
    }

    test('is away until certificates are due, renews them when it is back, and nobody notices', async () => {
      await issuer.kill();
      const issued = metric('issued_total');
      // the first is renewed 0.4 of its life after it was issued
      const isDue = () => Date.now() > mesh.startedMs + 0.45 * LEAF_MS;
      await underLoad(async () => {
        await mesh.until('it is said', () => said(/ClusterIssuer\/loaded has not signed within 2 s/));
        assert.ok(metric('failing_since_timestamp_seconds') > 0);
        await mesh.until('certificates are due', isDue, LEAF_MS);
        await issuer.run();
        await mesh.until('everybody has a new one', () => metric('issued_total') >= issued + 4, LEAF_MS);
        assert.equal(metric('failing_since_timestamp_seconds'), 0);
      });
      assert.ok(said(/the issuer signs again/));
    });

    test('signs with a new root from one request to the next, and no handshake fails', async () => {
      const phases: string[] = [];
      await underLoad(async () => {
        const next = fingerprintOf((await issuer.rotateRoot('loaded')).certificate);
        await mesh.until('what it signs is held back', () => metric('held') === 1);
        const isAlone = () => {
          if (phases.at(-1) !== mesh.phase) phases.push(mesh.phase);
          return mesh.operator.authority.roots.length === 1 && signs() === next;
        };
        await mesh.until('the new root is alone', isAlone, 3 * LEAF_MS);
        assert.equal(metric('held'), 0);
      });
      assert.deepEqual(phases.slice(0, 3), ['Steady', 'Distributing', 'Renewing'], mesh.logged.join('\n'));
      assert.ok(!said(/goes on without/), mesh.logged.join('\n'));
      for (const { sidecar } of mesh.pods.values()) assert.deepEqual(sidecar.reasons(), []);
    });
  });
});
