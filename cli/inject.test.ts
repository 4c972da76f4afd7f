import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';

const WEFT = join(import.meta.dirname, '../weft.ts');
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

function weft(args: readonly string[], input = '', env: Record<string, string> = {}) {
  const options = { input, encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [WEFT, 'inject', ...args], options);
  return { status, stdout, stderr };
}
const label = (yaml: string) => weft(['-f', '-'], yaml);

/** A document of this kind whose pods are found at `path`. */
const workload = (kind: string, path: readonly string[]) => {
  const pod = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'app' }] } };
  const spec = path.reduceRight<object>((inner, key) => ({ [key]: inner }), pod);
  return { apiVersion: 'x', kind, metadata: { name: 'a' }, ...spec };
};

describe('weft inject', () => {
  for (const [kind, path] of [
    ['Deployment', ['spec', 'template']],
    ['StatefulSet', ['spec', 'template']],
    ['DaemonSet', ['spec', 'template']],
    ['ReplicaSet', ['spec', 'template']],
    ['ReplicationController', ['spec', 'template']],
    ['Job', ['spec', 'template']],
    ['CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ] as const) {
    it(`labels the pods of a ${kind}, and not itself`, () => {
      const { status, stdout, stderr } = label(JSON.stringify(workload(kind, path)));
      assert.equal(status, 0);
      assert.equal(stderr, `${kind.toLowerCase()}/a: asks for a sidecar now\n`);
      const written = parse(stdout);
      const pod = path.reduce((at, key) => at[key], written);
      assert.deepEqual(pod.metadata.labels, { app: 'a', 'weft.dev/inject': 'enabled' });
      assert.equal(written.metadata.labels, undefined);
    });
  }

  it('labels a bare pod, with labels or without any metadata', () => {
    const bare = label('kind: Pod\nspec: {containers: []}\n');
    assert.equal(parse(bare.stdout).metadata.labels['weft.dev/inject'], 'enabled');
    assert.match(bare.stderr, /^pod\/\?: asks/);
    const empty = label('kind: Pod\nmetadata:\n  name: a\n  labels:\nspec: {containers: []}\n');
    assert.deepEqual(parse(empty.stdout).metadata.labels, { 'weft.dev/inject': 'enabled' });
  });

  it('labels what is in lists, and of several documents each', () => {
    const list = { kind: 'List', items: [workload('Deployment', ['spec', 'template']), { kind: 'Service' }] };
    const pods = { kind: 'PodList', items: [workload('Pod', [])] };
    const { stdout } = label(
      [list, pods, { kind: 'ConfigMap' }].map((each) => JSON.stringify(each)).join('\n---\n'),
    );
    const [first, second, third] = parseAllDocuments(stdout).map((document) => document.toJS());
    assert.equal(first.items[0].spec.template.metadata.labels['weft.dev/inject'], 'enabled');
    assert.deepEqual(first.items[1], { kind: 'Service' });
    assert.equal(second.items[0].metadata.labels['weft.dev/inject'], 'enabled');
    assert.deepEqual(third, { kind: 'ConfigMap' });
  });

  it('leaves everything else as it is written, comments and other versions of YAML included', () => {
    const yaml = `# of the team
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: app # the app
          mode: 0644
          on: yes
          version: 1.10
          nothing:
          quoted: "0644"
          script: |
            echo a
              b
`;
    const { stdout } = label(yaml);
    assert.equal(
      stdout,
      yaml.replace('        app: web\n', '        app: web\n        weft.dev/inject: enabled\n'),
    );
    assert.equal(label(stdout).stdout, stdout, 'once is enough');
    assert.equal(label(stdout).stderr, 'deployment/web: asks for a sidecar already\n');
  });

  it('leaves who opted out, who has no network of its own, and who has no template, and says so', () => {
    for (const [pod, note] of [
      [
        { metadata: { labels: { 'weft.dev/inject': 'disabled' } }, spec: {} },
        /left as it is, its label says .*=disabled/,
      ],
      [{ metadata: {}, spec: { hostNetwork: true } }, /left as it is, a pod with hostNetwork/],
      [undefined, /left as it is, it has no pod template/],
    ] as const) {
      const before = { kind: 'Deployment', metadata: { name: 'a' }, spec: { template: pod } };
      const { status, stdout, stderr } = label(JSON.stringify(before));
      assert.equal(status, 0);
      assert.deepEqual(parse(stdout), JSON.parse(JSON.stringify(before)));
      assert.match(stderr, note);
    }
  });

  it('says nothing that steers a terminal', () => {
    assert.equal(
      label('{kind: Pod, metadata: {name: "a\\e[2J"}}').stderr,
      'pod/a?[2J: asks for a sidecar now\n',
    );
  });

  for (const [what, args, input, said] of [
    ['nothing', [], '', /weft inject -f FILE/],
    ['no YAML', ['-f', '-'], 'a: [', /stdin: .*\nwrite YAML or JSON/s],
    ['a file that is not there', ['-f', '/nowhere.yaml'], '', /cannot be read/],
    [
      'a flag of --proxy-id without it',
      ['-f', '-', '--trust-domain', 'a'],
      '',
      /--trust-domain means something/,
    ],
  ] as const) {
    it(`is not asked rightly with ${what}`, () => {
      const { status, stderr } = weft(args, input);
      assert.equal(status, 2);
      assert.match(stderr, said);
    });
  }
});

describe('weft inject --proxy-id', () => {
  let folder: string;
  let flags: string[];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-inject-'));
    writeFileSync(join(folder, 'ca.crt'), PEM);
    flags = ['-f', '-', '--proxy-id', 'a1', '--image', 'weft:1', '--trust-bundle', join(folder, 'ca.crt')];
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const pod = { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'app', image: 'a' }] } };

  it('writes a bare pod as the injector makes it', () => {
    const more = ['--control-plane-namespace', 'mesh', '--trust-domain', 'example.org'];
    const { status, stdout } = weft([...flags, ...more], JSON.stringify(pod), {
      WEFT_SIDECAR_CPU_REQUEST: '30m',
    });
    assert.equal(status, 0);
    const { metadata, spec } = parse(stdout, { version: '1.1' });
    assert.equal(metadata.annotations['weft.dev/proxy'], 'a1');
    assert.equal(metadata.labels['weft.dev/injected'], 'true');
    assert.deepEqual(
      spec.initContainers.map(({ name, image }: Record<string, string>) => [name, image]),
      [
        ['weft-init', 'weft:1'],
        ['weft-sidecar', 'weft:1'],
      ],
    );
    const [, { env, resources }] = spec.initContainers;
    const value = (wanted: string) => env.find(({ name }: { name: string }) => name === wanted).value;
    assert.equal(value('WEFT_TRUST_BUNDLE'), PEM);
    assert.equal(value('WEFT_CONTROL_PLANE_ID'), 'spiffe://example.org/ns/mesh/sa/weft-operator');
    assert.equal(resources.requests.cpu, '30m');
    assert.equal(spec.volumes[0].secret.secretName, 'weft-proxy-a1');
  });

  it('reads a pod as kubectl does, and writes no word that another parser takes for a number or a boolean', () => {
    const yaml = `kind: Pod\nspec:\n  containers: [{name: a, env: [{name: A, value: "on"}]}]\n  volumes: [{name: v, m: 0644}]\n`;
    const { spec } = parse(weft(flags, yaml).stdout, { version: '1.1' });
    assert.equal(spec.containers[0].env[0].value, 'on');
    assert.equal(spec.volumes[0].m, 0o644);
  });

  it('refuses in the words of the webhook, with exit code 1', () => {
    const refused = { ...pod, spec: { ...pod.spec, securityContext: { runAsUser: 15015 } } };
    const { status, stdout, stderr } = weft(flags, JSON.stringify(refused));
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^weft: container app runs as user 15015.*choose another runAsUser/);
  });

  it('writes a pod that cannot have a sidecar, or wants none, as it was, and says why', () => {
    const host = weft(flags, JSON.stringify({ ...pod, spec: { ...pod.spec, hostNetwork: true } }));
    assert.equal(host.status, 1);
    assert.match(host.stderr, /no Weft sidecar: a pod with hostNetwork/);
    assert.equal(parse(host.stdout).spec.initContainers, undefined);
    const labels = { 'weft.dev/inject': 'disabled' };
    const out = weft(flags, JSON.stringify({ ...pod, metadata: { name: 'a', labels } }));
    assert.equal(out.status, 1);
    assert.match(out.stderr, /weft.dev\/inject=disabled/);
  });

  for (const [what, change, input, said] of [
    [
      'a template',
      {},
      JSON.stringify(workload('Deployment', ['spec', 'template'])),
      /give one Pod; templates/,
    ],
    ['two pods', {}, `${JSON.stringify(pod)}\n---\n${JSON.stringify(pod)}`, /give one Pod/],
    ['no YAML', {}, 'a: [', /write YAML or JSON/],
    ['an id that is no name', { 'proxy-id': 'A_b' }, JSON.stringify(pod), /small letters and digits/],
    ['no image', { image: undefined }, JSON.stringify(pod), /needs --image/],
    ['no trust bundle', { 'trust-bundle': undefined }, JSON.stringify(pod), /kubectl .*weft-trust-bundle/],
    [
      'a trust bundle that is not there',
      { 'trust-bundle': '/nowhere' },
      JSON.stringify(pod),
      /cannot be read/,
    ],
    ['a trust bundle that is none', { 'trust-bundle': WEFT }, JSON.stringify(pod), /no certificate in PEM/],
  ] as const) {
    it(`is not asked rightly with ${what}`, () => {
      const all = { 'proxy-id': 'a1', image: 'weft:1', 'trust-bundle': join(folder, 'ca.crt'), ...change };
      const args = Object.entries(all).flatMap(([name, value]) =>
        value === undefined ? [] : [`--${name}`, value],
      );
      const { status, stderr } = weft(['-f', '-', ...args], input);
      assert.equal(status, 2);
      assert.match(stderr, said);
    });
  }
});
