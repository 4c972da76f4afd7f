import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath, run, runOk } from './command.ts';
import { Daemon } from './daemon.ts';
import { cniConfig } from './nodenetwork.ts';
import { findCniPlugins } from './packages.ts';

export const containerdSocket = '/run/containerd/containerd.sock';
export const pauseImage = 'docker.io/weft-test/pause:v1';

/** The command that talks to the node's containerd, in the namespace that kubelet's images are in. */
export const ctr = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io'] as const;

/** The file systems that overlayfs cannot be stacked on need plain copies. */
async function snapshotter(directory: string): Promise<string> {
  const { stdout } = await run('stat', ['--file-system', '--format=%T', directory]);
  return stdout.includes('overlay') ? 'native' : 'overlayfs';
}

async function config(directory: string): Promise<string> {
  return `version = 2
root = "${join(directory, 'containerd')}"
state = "/run/containerd"

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE a lower score cannot be set, and no sandbox would start.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${findCniPlugins() ?? ''}"
    conf_dir = "${join(directory, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${await snapshotter(directory)}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "${findOnPath('runc') ?? 'runc'}"
        SystemdCgroup = false
`;
}

/** Starts containerd and loads the pause image. */
export async function startContainerd(directory: string, pauseArchive: string): Promise<Daemon> {
  mkdirSync(join(directory, 'cni'), { recursive: true });
  writeFileSync(join(directory, 'cni', '10-weft-test.conflist'), cniConfig());
  const file = join(directory, 'containerd.toml');
  writeFileSync(file, await config(directory));
  const daemon = new Daemon({
    name: 'containerd',
    command: 'containerd',
    args: ['--config', file],
    directory,
  });
  daemon.start();
  const [command, ...args] = ctr;
  await daemon.waitUntil(async () => (await run(command, [...args, 'images', 'list', '-q'])).code === 0);
  await runOk(command, [...args, 'images', 'import', pauseArchive]);
  return daemon;
}
