import { statSync } from 'node:fs';
import { acquireCluster, type Cluster } from '../cluster/cluster.ts';
import { buildImage } from '../cluster/images.ts';
import { installWeft } from '../cluster/scenario.ts';
import { type Figure, medianOf } from './figure.ts';

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
export async function clusterFigures(): Promise<Figure[]> {
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
    return [
      { name: 'image archive, uncompressed', unit: 'MiB', value: statSync(archive).size / 2 ** 20 },
      figure('pod start to ready, plain', plain),
      figure('pod start to ready, plain with two containers that do nothing', alike),
      figure('pod start to ready, injected', meshed),
      { name: 'added by injection, median', unit: 'ms', value: medianOf(meshed) - medianOf(plain) },
      {
        name: '… of it by Weft and not by the kubelet',
        unit: 'ms',
        value: medianOf(meshed) - medianOf(alike),
      },
    ];
  } finally {
    await cluster.kubectl(['delete', 'namespace', 'bench-plain', 'bench-meshed', '--ignore-not-found']);
    await cluster.helm(['uninstall', 'weft', '-n', 'weft-system']);
    await cluster.release();
  }
}

function figure(name: string, values: readonly number[]): Figure {
  return { name, unit: 'ms', value: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
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
