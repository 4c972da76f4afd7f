import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArgumentError, parseArguments } from './arguments.ts';

describe('the arguments of the operator', () => {
  it('without any are those of a pod', () => {
    assert.deepEqual(parseArguments([], { WEFT_NAMESPACE: 'mesh', WEFT_POD_NAME: 'weft-operator-0' }), {
      files: undefined,
      listen: { host: undefined, port: 15010 },
      health: { host: undefined, port: 15021 },
      streamAddress: 'weft-operator.mesh.svc:15010',
      trustDomain: 'cluster.local',
      controlPlaneNamespace: 'mesh',
      podName: 'weft-operator-0',
      leafLifetimeMs: 24 * 3600 * 1000,
      rootLifetimeMs: 3650 * 24 * 3600 * 1000,
      rotateRootAfter: 0.8,
      issuer: undefined,
      jwksCaFile: undefined,
      logLevel: 'info',
    });
  });

  it('with a folder are those of the mode without Kubernetes', () => {
    const { files, listen, health, streamAddress } = parseArguments(
      ['--files', 'a', '--state', 'b', '--stream-address', '127.0.0.1:0'],
      {},
    );
    assert.deepEqual(files, { folder: 'a', stateFolder: 'b' });
    assert.deepEqual([listen, health, streamAddress], [{ host: '127.0.0.1', port: 0 }, undefined, undefined]);
  });

  it('name all addresses in two ways', () => {
    for (const address of [':15010', '[::]:15010']) {
      const { listen } = parseArguments(['--stream-address', address], {});
      assert.deepEqual(listen, { host: undefined, port: 15010 }, address);
    }
  });

  it('name an issuer of cert-manager, or of another group', () => {
    const issuer = (text: string, group?: string) =>
      parseArguments(['--issuer', text, ...(group === undefined ? [] : ['--issuer-group', group])], {})
        .issuer;
    const ofCertManager = { kind: 'ClusterIssuer', name: 'mesh-ca', group: 'cert-manager.io' };
    assert.deepEqual(issuer('ClusterIssuer/mesh-ca'), ofCertManager);
    const other = { kind: 'AWSPCAClusterIssuer', name: 'a.b', group: 'awspca.cert-manager.io' };
    assert.deepEqual(issuer('AWSPCAClusterIssuer/a.b', 'awspca.cert-manager.io'), other);
    assert.equal(parseArguments([], { WEFT_ISSUER: '' }).issuer, undefined);
    const env = { WEFT_ISSUER: 'Issuer/x', WEFT_ISSUER_GROUP: 'cert-manager.io' };
    assert.equal(parseArguments([], env).issuer?.kind, 'Issuer');
  });

  const noIssuers: readonly [args: string[], why: RegExp][] = [
    [['--issuer', 'mesh-ca'], /a kind and a name/],
    [['--issuer', 'ClusterIssuer/'], /a kind and a name/],
    [['--issuer', 'ClusterIssuer/../x'], /a kind and a name/],
    [['--issuer', 'ClusterIssuer/a/b'], /a kind and a name/],
    [['--issuer', 'clusterIssuer/a'], /a kind and a name/],
    [['--issuer', 'Isuer/a'], /there are ClusterIssuer and Issuer, not Isuer/],
    [['--issuer', 'Issuer/a', '--issuer-group', 'a/b'], /an API group/],
    [['--issuer', 'Issuer/a', '--files', 'a', '--state', 'b'], /for Kubernetes only/],
  ];
  for (const [args, why] of noIssuers) {
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(() => parseArguments(args, {}), why);
    });
  }

  it('come from the environment, and flags win', () => {
    const env = {
      WEFT_TRUST_DOMAIN: 'a.example',
      WEFT_CERTIFICATE_LIFETIME: '90m',
      WEFT_ROOT_LIFETIME: '2400h',
      WEFT_ROTATE_ROOT_AFTER: '0.5',
      WEFT_STREAM_PORT: '1',
      WEFT_HEALTH_PORT: '2',
      WEFT_JWKS_CA_FILE: '/etc/jwks/ca.crt',
    };
    const settings = parseArguments(['--trust-domain', 'b.example', '--health-address', '[::1]:3'], env);
    assert.equal(settings.trustDomain, 'b.example');
    assert.equal(settings.leafLifetimeMs, 90 * 60_000);
    assert.equal(settings.rootLifetimeMs, 100 * 24 * 3600 * 1000);
    assert.equal(settings.rotateRootAfter, 0.5);
    assert.equal(settings.jwksCaFile, '/etc/jwks/ca.crt');
    assert.deepEqual([settings.listen.port, settings.health], [1, { host: '::1', port: 3 }]);
  });

  const wrong: [string, string[], RegExp][] = [
    ['an unknown flag', ['--nope'], /--nope/],
    ['a word', ['now'], /now/],
    ['--files without --state', ['--files', 'a'], /--state/],
    ['--state without --files', ['--state', 'a'], /--files/],
    ['an address without a port', ['--stream-address', 'localhost'], /host:port/],
    ['a port that is none', ['--stream-address', '127.0.0.1:70000'], /host:port/],
    ['a lifetime that is too short', ['--certificate-lifetime', '9m'], /at least 10m/],
    ['a lifetime that is none', ['--certificate-lifetime', 'long'], /duration/],
    ['a root that ends with its certificates', ['--root-lifetime', '239h'], /ten times/],
    ['a lifetime of the root that is none', ['--root-lifetime', '10y'], /duration/],
    ['a whole life of the root', ['--rotate-root-after', '1'], /0\.8/],
    ['nothing of its life', ['--rotate-root-after', '0.0'], /0\.8/],
    ['a part that is no number', ['--rotate-root-after', 'half'], /0\.8/],
    ['a log level that is none', ['--log-level', 'loud'], /log-level/],
  ];
  for (const [name, argv, message] of wrong) {
    it(`refuse ${name}`, () => {
      assert.throws(
        () => parseArguments(argv, {}),
        (error) => error instanceof ArgumentError && message.test(error.message),
      );
    });
  }
});
