import { statSync } from 'node:fs';
import { acquireCluster, type Cluster } from '../../cluster/cluster.ts';
import { buildImage } from '../../cluster/images.ts';
import { installWeft } from '../../cluster/scenario.ts';
import { medianOf, quantile } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';

const PODS = 10;

const APP_IMAGE = { image: 'weft-test/app:latest', imagePullPolicy: 'IfNotPresent' };
/** What the kubelet takes for any init container and native sidecar, whatever is in them. */
const EMPTY_CONTAINERS = [
  { name: 'init', ...APP_IMAGE, command: ['true'] },
  {
    name: 'sidecar',
    ...APP_IMAGE,
    command: ['sleep', 'infinity'],
    restartPolicy: 'Always',
    startupProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
  },
];

/** Size of the image, and how much longer a pod takes from create to Ready when it is injected. */
export async function measureCluster(): Promise<Row[]> {
  const archive = await buildImage('.', 'weft-test/weft:scenario');
  const cluster = await acquireCluster();
  try {
    await installWeft(cluster);
    await namespace(cluster, 'bench-plain', 'disabled');
    await namespace(cluster, 'bench-meshed', 'enabled');
    const plain: number[] = [];
    const alike: number[] = [];
    const meshed: number[] = [];
    for (let i = 0; i < PODS; i++) {
      plain.push(await podStartMs(cluster, 'bench-plain', `plain-${i}`, []));
      alike.push(await podStartMs(cluster, 'bench-plain', `alike-${i}`, EMPTY_CONTAINERS));
      meshed.push(await podStartMs(cluster, 'bench-meshed', `pod-${i}`, []));
    }
    const image = { imageMb: statSync(archive).size / 2 ** 20 };
    const added = medianOf(meshed) - medianOf(plain);
    const byWeft = medianOf(meshed) - medianOf(alike);
    return [
      row('plain pod', startsOf(plain)),
      row('plain pod with two containers that do nothing', startsOf(alike)),
      row('weft', { ...startsOf(meshed), addedMs: added, addedByWeftMs: byWeft, ...image }),
    ];
  } finally {
    await cluster.kubectl(['delete', 'namespace', 'bench-plain', 'bench-meshed', '--ignore-not-found']);
    await cluster.helm(['uninstall', 'weft', '-n', 'weft-system']);
    await cluster.release();
  }
}

function row(candidate: string, more: Record<string, number>): Row {
  return { hop: 'cluster', candidate, more };
}

function startsOf(values: readonly number[]) {
  return { readyMs: medianOf(values), readyQ1Ms: quantile(values, 0.25), readyQ3Ms: quantile(values, 0.75) };
}

async function namespace(cluster: Cluster, name: string, inject: string): Promise<void> {
  const metadata = { name, labels: { 'weft.dev/inject': inject } };
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }));
}

/** Seen through a watch, so that polling adds nothing; the app is ready as soon as it runs. */
async function podStartMs(
  cluster: Cluster,
  namespaceName: string,
  name: string,
  initContainers: readonly object[],
): Promise<number> {
  const container = { name: 'app', ...APP_IMAGE, command: ['sleep', 'infinity'] };
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: namespaceName },
    spec: { terminationGracePeriodSeconds: 0, initContainers, containers: [container] },
  };
  const startMs = performance.now();
  await cluster.apply(JSON.stringify(manifest));
  await cluster.kubectlOk([
    '-n',
    namespaceName,
    'wait',
    `pod/${name}`,
    '--for=condition=Ready',
    '--timeout=120s',
  ]);
  const tookMs = performance.now() - startMs;
  await cluster.kubectlOk(['-n', namespaceName, 'delete', 'pod', name, '--wait=false']);
  return tookMs;
}
