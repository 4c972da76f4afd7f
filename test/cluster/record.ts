import { writeFile } from 'node:fs/promises';
import { acquireCluster, type Cluster } from './cluster.ts';
import { buildImage, ensureTestAppImage } from './images.ts';
import { startCapture } from './scenario.ts';

/**
 * Writes docs/recorded-run.md: the first hour of a user on a real cluster, each command with what it printed.
 * `node test/cluster/record.ts`; the commands are run as they stand in the page.
 */
const IMAGE = ['--set image.repository=weft-test/weft', '--set image.tag=scenario'];
const CALL = "-c app -- curl -s -o /dev/null -w '%{http_code} weft-error=%header{weft-error}\\n'";

const STEPS: readonly (readonly [string, string])[] = [
  ['Install.', `helm install weft helm/weft -n weft-system --create-namespace ${IMAGE.join(' ')} --wait`],
  ['', 'kubectl -n weft-system get pods'],
  [
    'Opt a namespace in and start ordinary Deployments that know nothing of Weft.',
    'kubectl create namespace shop && kubectl label namespace shop weft.dev/inject=enabled',
  ],
  ['', 'kubectl apply -f test/fixtures/shop.yaml -f test/fixtures/outsider.yaml'],
  [
    '',
    'kubectl -n shop wait --for=condition=Available deployment --all --timeout=120s && kubectl -n outside wait --for=condition=Available deployment --all --timeout=120s',
  ],
  [
    'Every pod has an init container and a native sidecar.',
    "kubectl -n shop get pods -o custom-columns='POD:.metadata.name,INIT:.spec.initContainers[*].name,READY:.status.containerStatuses[*].ready'",
  ],
  [
    'Without a policy everything is allowed, callers outside the mesh included.',
    `kubectl -n outside exec deploy/outsider ${CALL} http://payments.shop/v1/charges`,
  ],
  [
    'Close `payments`: mutual TLS only, and only `web` may read under `/v1`.',
    'kubectl apply -f test/fixtures/payments-policy.yaml && kubectl -n shop wait meshpolicy/payments --for=condition=InForce --timeout=30s',
  ],
  ['', 'kubectl -n shop get meshpolicy'],
  ['What is allowed, and what is not.', `kubectl -n shop exec deploy/web ${CALL} http://payments/v1/charges`],
  ['', `kubectl -n shop exec deploy/web ${CALL} -X POST http://payments/v1/charges`],
  ['', `kubectl -n shop exec deploy/web ${CALL} http://payments/admin`],
  ['', `kubectl -n shop exec deploy/catalog ${CALL} http://payments/v1/charges`],
  [
    'A plaintext caller from outside the mesh gets no byte.',
    'kubectl -n outside exec deploy/outsider -c app -- curl -sS http://payments.shop/v1/charges',
  ],
];

const LAST: readonly (readonly [string, string])[] = [
  [
    'A policy that cannot be right is rejected at apply.',
    "sed 's/Strict/Sometimes/' test/fixtures/payments-policy.yaml | kubectl apply -f -",
  ],
  [
    'One with a field that is not enforced yet is not accepted, and the one before stays in force.',
    "sed 's/mtls: {mode: Strict}/limits: {maxConnections: 10}/' test/fixtures/payments-policy.yaml | kubectl apply -f - && sleep 1 && kubectl -n shop get meshpolicy payments -o jsonpath='{.status.conditions[0].message}'",
  ],
  ['', `kubectl -n shop exec deploy/catalog ${CALL} http://payments/v1/charges`],
  ['After uninstalling, running pods go on as they were.', 'helm uninstall weft -n weft-system --wait'],
  ['', `kubectl -n shop exec deploy/web ${CALL} http://payments/v1/charges`],
];

async function main(): Promise<void> {
  const cluster = await acquireCluster();
  try {
    await cluster.importImage(await buildImage('.', 'weft-test/weft:scenario'));
    await cluster.importImage(await ensureTestAppImage());
    const page = [
      '# A recorded run',
      '',
      `The commands of [getting started](guides/getting-started.md) on a real cluster of one node, with what they printed; written by \`node test/cluster/record.ts\` on ${new Date().toISOString().slice(0, 10)}. The image was built from the \`Dockerfile\` beforehand.`,
      '',
    ];
    for (const [text, command] of STEPS) page.push(...(await record(cluster, text, command)));
    page.push(...(await recordCapture(cluster)));
    for (const [text, command] of LAST) page.push(...(await record(cluster, text, command)));
    await writeFile('docs/recorded-run.md', `${page.join('\n').trimEnd()}\n`);
  } finally {
    await cluster.kubectl(['delete', 'namespace', 'shop', 'outside', '--ignore-not-found']);
    await cluster.release();
  }
}

async function record(cluster: Cluster, text: string, command: string): Promise<string[]> {
  const output = await cluster.shell(command);
  return [...(text === '' ? [] : [text, '']), '```console', `$ ${command}`, output.trimEnd(), '```', ''];
}

/** What an observer on the node sees of one request. */
async function recordCapture(cluster: Cluster): Promise<string[]> {
  const secret = 'a-secret-in-the-path';
  const capture = await startCapture(cluster, 8080);
  const answer = await cluster.shell(`kubectl -n shop exec deploy/web ${CALL} http://payments/v1/${secret}`);
  const packets = await capture.stop();
  const seen = (what: string | Buffer) => (packets.includes(what) ? 'yes' : 'no');
  return [
    `On the wire, a capture on the node of port 8080 during \`GET /v1/${secret}\` (answered ${answer.trim()}):`,
    '',
    '| seen in the capture | |',
    '|---|---|',
    `| bytes captured | ${packets.length} |`,
    `| TLS records of application data (17 03 03) | ${seen(Buffer.from([0x17, 0x03, 0x03]))} |`,
    `| the path | ${seen(secret)} |`,
    `| \`HTTP/1.1\` | ${seen('HTTP/1.1')} |`,
    '',
  ];
}

await main();
