import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Cluster } from './cluster.ts';
import { buildImage, ensureTestAppImage } from './images.ts';
import { ensureCommands } from './packages.ts';
import { showProgress } from './progress.ts';

/** What the scenario's sentences are made of: install, a pod, a request from inside a pod, a capture. */

export interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly initContainers: readonly { name: string; restartPolicy?: string }[] };
  readonly status: {
    readonly podIP: string;
    readonly initContainerStatuses: readonly { ready: boolean }[];
    readonly containerStatuses: readonly { ready: boolean; restartCount: number }[];
  };
}

export interface Answer {
  /** 0: no HTTP answer */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** what curl said */
  readonly error: string;
}

export const IMAGE = 'weft-test/weft';
/** of this tree's */
export const TAG = 'scenario';

/**
 * Builds the image (or takes WEFT_IMAGE for a cluster that is not ours) and installs the chart.
 * @param values as `--set` takes them
 */
export async function installWeft(cluster: Cluster, values: readonly string[] = []): Promise<void> {
  const build: string[] = [];
  if (cluster.local) {
    const archive = await loadImages(cluster);
    // the tag stays the same: what an earlier install left running would go on with the image it had
    for (const part of ['operator', 'injector']) {
      build.push('--set-string', `${part}.podAnnotations.build=${basename(archive)}`);
    }
  }
  const [repository, tag] = imageReference();
  await cluster.helmOk([
    ...['upgrade', '--install', 'weft', 'helm/weft', '-n', 'weft-system', '--create-namespace'],
    ...['--set', `image.repository=${repository}`, '--set', `image.tag=${tag}`, ...build],
    ...['--set', 'injector.allowedAnnotations={skip-inbound-ports}'],
    ...['--set', 'operator.logLevel=debug', '--wait', '--timeout', '180s'],
    ...values.flatMap((value) => ['--set', value]),
  ]);
}

/** The image of this tree, and that of what test workloads run; where their archives are. What is built is kept. */
export async function buildImages(): Promise<readonly [weft: string, app: string]> {
  return [await buildImage('.', `${IMAGE}:${TAG}`), await ensureTestAppImage()];
}

/** Gives the node these images; where the archive of Weft's is. */
export async function loadImages(cluster: Cluster): Promise<string> {
  const [weft, app] = await buildImages();
  await cluster.importImage(weft);
  await cluster.importImage(app);
  return weft;
}

function imageReference(): [string, string] {
  const given = process.env.WEFT_IMAGE;
  if (given === undefined) return [IMAGE, TAG];
  const colon = given.lastIndexOf(':');
  return [given.slice(0, colon), given.slice(colon + 1)];
}

/** The first running pod with this label. */
export async function pod(cluster: Cluster, namespace: string, label: string): Promise<Pod> {
  const selector = ['-l', label, '--field-selector', 'status.phase=Running'];
  const list = JSON.parse(
    await cluster.kubectlOk(['-n', namespace, 'get', 'pods', ...selector, '-o', 'json']),
  );
  if (list.items.length === 0) throw new Error(`no running pod ${label} in ${namespace}`);
  return list.items[0];
}

/** curl in the pod's app container, with its answer taken apart. */
export async function request(
  cluster: Cluster,
  from: Pod,
  method: string,
  url: string,
  curlArgs: readonly string[] = [],
): Promise<Answer> {
  const curl = ['curl', '-sS', '-i', '--max-time', '10', '-X', method, ...curlArgs, url];
  const { stdout, stderr } = await cluster.kubectl(execIn(from, ...curl));
  return parse(stdout, stderr);
}

/** The arguments with which kubectl runs this in the pod's app container. */
function execIn({ metadata: { namespace, name } }: Pod, ...command: string[]): string[] {
  return ['-n', namespace, 'exec', name, '-c', 'app', '--', ...command];
}

function parse(stdout: string, stderr: string): Answer {
  const end = stdout.indexOf('\r\n\r\n');
  const head = /^HTTP\/1\.[01] (\d{3})/.exec(stdout);
  if (head === null || end < 0) return { status: 0, headers: {}, body: '', error: stderr };
  const headers: Record<string, string> = {};
  for (const line of stdout.slice(0, end).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(head[1]), headers, body: stdout.slice(end + 4), error: stderr };
}

/** Starts calls inside the pod, ten a second, that need no API server to go on. */
export async function startCalls(cluster: Cluster, from: Pod, url: string, calls: number): Promise<void> {
  const one = `curl -s -o /dev/null --max-time 5 -w '%{http_code}\\n' ${url}`;
  const loop = `for i in $(seq ${calls}); do ${one}; sleep 0.1; done > /tmp/calls 2>&1`;
  await cluster.kubectlOk(execIn(from, 'sh', '-c', `(${loop}) &`));
}

/** Status codes of the calls made so far; 000: no answer. */
export async function finishedCalls(cluster: Cluster, from: Pod): Promise<string[]> {
  const text = await cluster.kubectlOk(execIn(from, 'cat', '/tmp/calls'));
  return text.trim().split('\n');
}

export interface Capture {
  /** Ends the capture and gives every captured byte, headers of packets included. */
  stop(): Promise<Buffer>;
}

/** tcpdump on every interface of the node. */
export async function startCapture(cluster: Cluster, port: number): Promise<Capture> {
  await ensureCommands(['tcpdump', 'pkill'], showProgress);
  const dump = ['tcpdump', '--immediate-mode', '-i', 'any', '-U', '-w', '-', 'tcp', 'port', String(port)];
  const [program, args] = cluster.nodeCommand(dump);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('listening')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`tcpdump ended with ${code}`)));
    child.once('error', reject);
  });
  return {
    stop: async () => {
      await new Promise((resolve) => setTimeout(resolve, 500)); // packets on their way to the pipe
      const closed = new Promise((resolve) => child.once('close', resolve));
      // nsenter forks into the node's process namespace, so a signal to the child would not reach tcpdump.
      await cluster.nodeExecOk(['pkill', '-INT', '-x', 'tcpdump']);
      await closed;
      return Buffer.concat(chunks);
    },
  };
}

export async function waitUntil(
  what: string,
  holds: () => Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (await holds().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}
