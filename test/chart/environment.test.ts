import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { PORTS } from '../../api/names.ts';
import { spiffeId } from '../../api/spiffe.ts';
import { readSettings } from '../../injector/settings.ts';
import { parseArguments } from '../../operator/arguments.ts';
import { environmentOf } from './environment.ts';

const NAMESPACE = 'mesh';

/** The variables that `reader` does not look at. */
function unread(env: Record<string, string>, reader: (env: Record<string, string>) => unknown): string[] {
  const read = new Set<string>();
  const get = (target: Record<string, string>, name: string | symbol) => {
    read.add(String(name));
    return target[String(name)];
  };
  reader(new Proxy(env, { get }));
  return Object.keys(env).filter((name) => !read.has(name));
}

describe('what the chart tells the injector', () => {
  let env: Record<string, string>;
  before(async () => {
    env = await environmentOf('weft-injector', NAMESPACE, {
      image: { repository: 'example.test/weft', tag: '7', pullPolicy: 'Always' },
      trustDomain: 'prod.example',
      injector: { logLevel: 'debug', allowedAnnotations: ['image', 'skip-outbound-cidrs'] },
      sidecar: { logLevel: 'warn', resources: { requests: { cpu: 0.1 }, limits: { cpu: '2' } } },
    });
  });

  it('is understood as it was meant', () => {
    const settings = readSettings(env);
    assert.deepEqual(settings.sidecar, {
      image: 'example.test/weft:7',
      imagePullPolicy: 'Always',
      logLevel: 'warn',
      resources: { cpuRequest: '0.1', cpuLimit: '2', memoryRequest: '64Mi', memoryLimit: '256Mi' },
      controlPlane: 'weft-operator.mesh.svc:15010',
      controlPlaneId: spiffeId({
        trustDomain: 'prod.example',
        namespace: 'mesh',
        serviceAccount: 'weft-operator',
      }),
      allowedAnnotations: new Set(['weft.dev/image', 'weft.dev/skip-outbound-cidrs']),
      terminationDelaySeconds: 2,
    });
    assert.equal(settings.logLevel, 'debug');
  });

  it('names no variable that the injector does not read', () => {
    // With an explicit control plane ID, nothing is left to derive from these two.
    const derived = ['WEFT_NAMESPACE', 'WEFT_TRUST_DOMAIN'];
    assert.deepEqual(
      unread(env, readSettings).filter((name) => !derived.includes(name)),
      [],
    );
  });

  it('says nothing about limits that are not set', async () => {
    const without = await environmentOf('weft-injector', NAMESPACE, {
      sidecar: { resources: { limits: { memory: null } } },
    });
    assert.equal('WEFT_SIDECAR_MEMORY_LIMIT' in without, false);
    assert.equal(readSettings(without).sidecar.resources.memoryLimit, undefined);
  });
});

describe('what the chart tells the operator', () => {
  let env: Record<string, string>;
  before(async () => {
    env = await environmentOf('weft-operator', NAMESPACE, {
      trustDomain: 'prod.example',
      operator: { logLevel: 'debug' },
      certificates: { lifetime: '90m' },
    });
  });

  it('is understood as it was meant', () => {
    const settings = parseArguments([], env);
    assert.equal(settings.files, undefined);
    assert.equal(settings.controlPlaneNamespace, 'mesh');
    assert.equal(settings.trustDomain, 'prod.example');
    assert.equal(settings.logLevel, 'debug');
    assert.equal(settings.listen.port, PORTS.stream);
    assert.equal(settings.health?.port, PORTS.operatorHealth);
  });

  it('tells sidecars the address under which the injector lets them start', async () => {
    const injected = readSettings(await environmentOf('weft-injector', NAMESPACE, {}));
    assert.equal(parseArguments([], env).streamAddress, injected.sidecar.controlPlane);
  });

  it('names an issuer of cert-manager only where one is set', async () => {
    assert.equal(parseArguments([], env).issuer, undefined);
    const issuer = { kind: 'Issuer', name: 'mesh-ca' };
    const said = await environmentOf('weft-operator', NAMESPACE, { certificates: { issuer } });
    assert.deepEqual(parseArguments([], said).issuer, { ...issuer, group: 'cert-manager.io' });
  });

  it('names no variable that the operator does not read', async () => {
    const issuer = { name: 'mesh-ca' };
    const all = await environmentOf('weft-operator', NAMESPACE, { certificates: { issuer } });
    for (const each of [env, all]) {
      assert.deepEqual(
        unread(each, (one) => parseArguments([], one)),
        [],
      );
    }
  });

  for (const room of ['operator', 'injector', 'sidecar']) {
    it(`offers only log levels that the ${room} knows`, async () => {
      for (const level of ['debug', 'info', 'warn', 'error']) {
        const values = { [room]: { logLevel: level } };
        const deployment = room === 'operator' ? 'weft-operator' : 'weft-injector';
        const said = await environmentOf(deployment, NAMESPACE, values);
        const understood =
          room === 'operator'
            ? parseArguments([], said).logLevel
            : room === 'injector'
              ? readSettings(said).logLevel
              : readSettings(said).sidecar.logLevel;
        assert.equal(understood, level);
      }
      await assert.rejects(
        environmentOf('weft-operator', NAMESPACE, { [room]: { logLevel: 'trace' } }),
        /logLevel/,
      );
    });
  }
});
