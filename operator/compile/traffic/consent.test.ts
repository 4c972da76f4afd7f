import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Change } from '../../mesh/model.ts';
import { policy, referenceGrant, service, set } from '../../testing/builders.ts';
import { addresses, compile, PORTS, references, routing, to, WEB } from '../../testing/routed.ts';

describe('a Service of another namespace', () => {
  const far = to({ service: 'far', namespace: 'ops' });
  const GRANTS: readonly [string, Change[], boolean][] = [
    ['no grant', [], false],
    ['a grant to this namespace', set('ReferenceGrant', referenceGrant('ops/g', ['shop'])), true],
    [
      'a grant of this Service',
      set('ReferenceGrant', referenceGrant('ops/g', ['x', 'shop'], ['y', 'far'])),
      true,
    ],
    ['a grant of another Service', set('ReferenceGrant', referenceGrant('ops/g', ['shop'], ['y'])), false],
    ['a grant to another namespace', set('ReferenceGrant', referenceGrant('ops/g', ['x'])), false],
    [
      'a grant that the caller’s own namespace wrote',
      set('ReferenceGrant', referenceGrant('shop/g', ['shop'])),
      false,
    ],
    [
      'two grants of which neither is enough',
      set(
        'ReferenceGrant',
        referenceGrant('ops/g', ['shop'], ['y']),
        referenceGrant('ops/h', ['x'], ['far']),
      ),
      false,
    ],
  ];

  for (const [name, grants, isPermitted] of GRANTS) {
    it(`${isPermitted ? 'is' : 'is not'} a backend with ${name}`, () => {
      assert.deepEqual(addresses(far, grants), [isPermitted ? ['10.0.0.4'] : []]);
      const { reason } = references('shop/p', far, grants);
      assert.equal(reason, isPermitted ? 'ResolvedRefs' : 'RefNotPermitted');
    });
  }

  it('is no mirror without a grant either', () => {
    const mirroring = routing({ mirror: { service: 'far', namespace: 'ops' } });
    assert.deepEqual(addresses(mirroring), [[]]);
    assert.equal(references('shop/p', mirroring).reason, 'RefNotPermitted');
  });

  it('is named with the grant to create, and not whether it exists', () => {
    for (const service of ['far', 'none']) {
      const { message } = references('shop/p', to({ service, namespace: 'ops' }));
      assert.equal(
        message,
        `Service ops/${service} is of another namespace: create a ReferenceGrant in namespace ops with ` +
          'from: [{group: weft.dev, kind: MeshPolicy, namespace: shop}] and ' +
          `to: [{group: "", kind: Service, name: ${service}}]`,
      );
    }
  });

  it('says nothing of its own policies without a grant', () => {
    const own = policy('ops/far', {
      target: { kind: 'Service', name: 'far' },
      traffic: { healthCheck: { path: '/secret' } },
    });
    const destination = compile([far, set('Policy', own)]);
    assert.equal(destination.backends?.[0]?.traffic, undefined);
    assert.deepEqual(Object.keys(destination.version.policies), ['uid-of-shop/p']);
  });

  it('is named by a consumer’s view with a grant only', () => {
    const view = set(
      'Policy',
      policy('shop/view', { traffic: { to: [{ service: 'far', namespace: 'ops' }], protocol: 'HTTP' } }),
    );
    assert.equal(references('shop/view', view).reason, 'RefNotPermitted');
    const granted = set('ReferenceGrant', referenceGrant('ops/g', ['shop']));
    assert.equal(references('shop/view', view, granted).reason, 'ResolvedRefs');
    const nobody = set(
      'Policy',
      policy('shop/view', { traffic: { to: [{ service: 'none' }], protocol: 'HTTP' } }),
    );
    assert.equal(references('shop/view', nobody).reason, 'TargetNotFound');
  });

  it('needs no grant for policies of the control plane’s namespace', () => {
    const platform = set('Service', service('weft-system/pay', { ports: PORTS }));
    const changes = [
      platform,
      routing({ backends: [{ service: 'far', namespace: 'ops' }] }, 'weft-system/p'),
    ];
    const { backends } = compile(changes, WEB, 'weft-system/pay:80');
    assert.equal(backends?.[0]?.endpoints.length, 1);
    assert.equal(references('weft-system/p', ...changes).status, 'True');
  });
});
