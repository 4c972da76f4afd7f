import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { run } from './command.ts';
import { idlePod, LIFE } from './lifecycle.fixture.ts';
import type { LifecycleSite } from './lifecyclesite.ts';
import { waitUntil } from './scenario.ts';

/** After an API server that was away, as in the tests before, Kubernetes may make no pods for a minute. */
const CONTROLLERS_BACK_MS = 120_000;

/** Tests of what becomes of new pods while nobody can put a sidecar into them. */
export function withoutInjector(site: () => LifecycleSite): void {
  const UNINJECTED = 'weft-uninjected';
  const policy = async (value: 'Ignore' | 'Fail') => {
    const patch = [0, 1, 2].map((i) => ({ op: 'replace', path: `/webhooks/${i}/failurePolicy`, value }));
    const webhook = ['mutatingwebhookconfiguration', 'weft-injector'];
    await site().kubectl('patch', ...webhook, '--type=json', '-p', JSON.stringify(patch));
  };
  /** What the API server says against a new pod; nothing if it takes it. */
  const refusal = async (name: string, ...flags: string[]): Promise<string> => {
    const input = JSON.stringify(idlePod(LIFE, name));
    const { code, stderr } = await site().cluster.kubectl(['create', ...flags, '-f', '-'], { input });
    return code === 0 ? '' : stderr;
  };
  const tried = () => refusal('tried', '--dry-run=server');
  /** A killed injector may answer until the kubelet has got to it. */
  const killInjector = async () => {
    await site().kill('injector');
    await waitUntil('nobody to answer', async () => (await tried()) !== '');
  };
  let binding: string;

  before(async () => {
    const get = ['get', 'validatingadmissionpolicybinding', UNINJECTED, '-o', 'json'];
    const { metadata, ...rest } = JSON.parse(await site().kubectl(...get));
    const { name, labels, annotations } = metadata;
    binding = JSON.stringify({ ...rest, metadata: { name, labels, annotations } });
    await killInjector();
  });
  after(async () => {
    await policy('Fail');
    await site().cluster.apply(binding);
    await site().restore('injector');
  });

  it('creates no pod that wants a sidecar, and says so, with failurePolicy Fail', async (t) => {
    assert.match(await tried(), /failed calling webhook "namespaces\.injector\.weft\.dev"/);
    await site().scale('ledger', 2);
    await waitUntil(
      'the owner of the Deployment to be told',
      async () => {
        const about = ['--field-selector', 'reason=FailedCreate', '-o', 'jsonpath={.items[*].message}'];
        return (await site().kubectl('-n', LIFE, 'get', 'events', ...about)).includes('injector.weft.dev');
      },
      CONTROLLERS_BACK_MS,
    );
    t.diagnostic(`injector ready again after ${await site().restore('injector')} ms`);
    const ms = await site().timeUntil('the pod that waited', async () => {
      return (await site().rolledOut('ledger')) !== '';
    });
    t.diagnostic(`the pod that waited ready after ${ms} ms more`);
    await killInjector();
  });

  it('has the API server refuse it with Ignore, and without that check finds it', async () => {
    await policy('Ignore');
    await waitUntil('the API server to refuse', async () =>
      (await tried()).includes('the pod should have a Weft sidecar and has none'),
    );
    await site().kubectl('delete', 'validatingadmissionpolicybinding', UNINJECTED);
    await waitUntil('the pod to slip through', async () => (await refusal('slipped')) === '');
    const asked = ['-n', LIFE, '-o', 'json', '--kubeconfig', site().cluster.kubeconfigPath];
    const { stdout } = await run(process.execPath, ['weft.ts', 'check', ...asked]);
    const findings: { code: string }[] = JSON.parse(stdout);
    const text = JSON.stringify(findings.filter(({ code }) => code === 'NoSidecar'));
    assert.match(text, /slipped/);
    assert.doesNotMatch(text, /ledger-/);
  });
}
