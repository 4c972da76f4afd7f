import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { INJECTOR_SERVICE, WEBHOOK_CONFIGURATION } from '../../api/names.ts';
import { type KubernetesObject, NAMESPACE, pick, render } from './helm.ts';
import { entriesFor } from './selectors.ts';

const label = (value: string) => ({ 'weft.dev/inject': value });
const BY_NAMESPACE = ['namespaces.injector.weft.dev'];
const ENFORCE = 'pod-security.kubernetes.io/enforce';
const BY_POD = ['pods.injector.weft.dev'];

describe('the injector’s webhook', () => {
  let configuration: KubernetesObject;
  before(async () => {
    configuration = pick(
      await render({ injector: { excludedNamespaces: ['legacy'] } }),
      'MutatingWebhookConfiguration',
      WEBHOOK_CONFIGURATION,
    );
  });

  const table: readonly [namespace: string | undefined, pod: string | undefined, entries: string[]][] = [
    ['enabled', undefined, BY_NAMESPACE],
    ['enabled', 'enabled', BY_NAMESPACE],
    ['enabled', 'disabled', []],
    ['disabled', undefined, []],
    ['disabled', 'enabled', BY_POD],
    ['disabled', 'disabled', []],
    [undefined, undefined, []],
    [undefined, 'enabled', BY_POD],
    [undefined, 'disabled', []],
  ];
  for (const [namespace, pod, entries] of table) {
    const says = (value: string | undefined) => value ?? 'silent';
    it(`is called ${entries.length === 0 ? 'never' : 'once'} with the namespace ${says(namespace)} and the pod ${says(pod)}`, () => {
      const labels = namespace === undefined ? {} : label(namespace);
      const found = entriesFor(configuration, { name: 'shop', labels }, pod === undefined ? {} : label(pod));
      assert.deepEqual(found, entries);
    });
  }

  for (const name of ['kube-system', 'kube-node-lease', NAMESPACE, 'legacy']) {
    it(`is never called for ${name}, whatever the labels say`, () => {
      for (const pod of [{}, label('enabled')]) {
        for (const labels of [{}, label('enabled')]) {
          assert.deepEqual(entriesFor(configuration, { name, labels }, pod), []);
        }
      }
    });
  }

  it('is asked about an injected pod where Pod Security would refuse it, and nowhere else', () => {
    const enforcing = (level: string) => ({ [ENFORCE]: level });
    for (const [labels, entries] of [
      [enforcing('baseline'), ['pod-security.injector.weft.dev']],
      [enforcing('restricted'), ['pod-security.injector.weft.dev']],
      [enforcing('privileged'), []],
      [{}, []],
    ] as const) {
      assert.deepEqual(
        entriesFor(configuration, { name: 'shop', labels }, { 'weft.dev/injected': 'true' }),
        entries,
      );
      assert.deepEqual(entriesFor(configuration, { name: 'shop', labels }), []);
    }
    const paths = configuration.webhooks.map(
      ({ clientConfig }: KubernetesObject) => clientConfig.service.path,
    );
    assert.deepEqual(paths, ['/inject', '/inject', '/pod-security'], 'in this order');
  });

  it('sees only pods as they are created, again after other webhooks, and has no side effects', () => {
    for (const entry of configuration.webhooks) {
      assert.deepEqual(entry.rules, [
        {
          apiGroups: [''],
          apiVersions: ['v1'],
          resources: ['pods'],
          operations: ['CREATE'],
          scope: 'Namespaced',
        },
      ]);
      assert.equal(entry.reinvocationPolicy, 'IfNeeded');
      assert.equal(entry.matchPolicy, 'Equivalent');
      assert.equal(entry.sideEffects, 'None');
      assert.equal(entry.failurePolicy, 'Fail');
      assert.equal(entry.timeoutSeconds, 10);
      assert.equal(entry.clientConfig.service.name, INJECTOR_SERVICE);
      assert.equal(entry.clientConfig.service.namespace, NAMESPACE);
    }
  });

  it('has no caBundle in the rendering, so that an upgrade cannot wipe the operator’s', () => {
    for (const entry of configuration.webhooks)
      assert.deepEqual(Object.keys(entry.clientConfig), ['service']);
  });
});
