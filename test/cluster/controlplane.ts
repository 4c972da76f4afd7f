import { mkdirSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { CertificateAuthority, type KeyPair } from './certificates.ts';
import { Daemon } from './daemon.ts';
import { kubeconfig, writeKubeconfig } from './kubeconfig.ts';
import { serviceRange } from './nodenetwork.ts';

export interface ControlPlaneBinaries {
  etcd: string;
  'kube-apiserver': string;
  'kube-controller-manager'?: string;
  'kube-scheduler'?: string;
}

export interface ControlPlaneOptions {
  /** Everything is kept here: keys, data, logs. */
  directory: string;
  /** The address that the API server listens on and announces. */
  address: string;
  ports: { etcd: number; etcdPeer: number; apiServer: number };
  /** The controller manager and the scheduler run when their binaries are given. */
  binaries: ControlPlaneBinaries;
  /** Where clients outside reach the API server, when not at its own address. */
  publicServer?: string;
}

const kubernetesService = '10.96.0.1';
export const clusterDomain = 'cluster.local';

/** One etcd and one API server, and where wanted the controllers and the scheduler: no nodes. */
export class ControlPlane {
  readonly authority: CertificateAuthority;
  readonly #options: ControlPlaneOptions;
  readonly #admin: KeyPair;
  readonly #etcd: Daemon;
  readonly #apiServer: Daemon;
  #controllers: Daemon[] = [];

  private constructor(options: ControlPlaneOptions, authority: CertificateAuthority, admin: KeyPair) {
    this.#options = options;
    this.authority = authority;
    this.#admin = admin;
    this.#etcd = this.#daemon('etcd', options.binaries.etcd, this.#etcdArgs());
    this.#apiServer = this.#daemon(
      'kube-apiserver',
      options.binaries['kube-apiserver'],
      this.#apiServerArgs(),
    );
  }

  /** Writes the certificates and prepares the processes; nothing runs yet. */
  static async create(options: ControlPlaneOptions): Promise<ControlPlane> {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const authority = await CertificateAuthority.create(join(options.directory, 'pki'));
    await authority.createServiceAccountKeys();
    const services = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
    await authority.issueFiles('apiserver', {
      commonName: 'kube-apiserver',
      hosts: [
        ...services,
        `kubernetes.default.svc.${clusterDomain}`,
        'localhost',
        '127.0.0.1',
        options.address,
        kubernetesService,
      ],
    });
    const admin = await authority.issueFiles('admin', {
      commonName: 'admin',
      organization: 'system:masters',
    });
    return new ControlPlane(options, authority, admin);
  }

  #daemon(name: string, command: string, args: string[], keepAlive = false): Daemon {
    return new Daemon({ name, command, args, directory: this.#options.directory, keepAlive });
  }

  get server(): string {
    return `https://${this.#options.address}:${this.#options.ports.apiServer}`;
  }

  /** A kubeconfig for the administrator, as clients outside use it. */
  get adminKubeconfig(): string {
    return kubeconfig(this.#options.publicServer ?? this.server, this.authority.certificate, this.#admin);
  }

  get apiServerPid(): number | undefined {
    return this.#apiServer.pid;
  }

  /** Writes a kubeconfig for a component that runs beside the API server. */
  async componentKubeconfig(name: string, commonName: string, organization?: string): Promise<string> {
    const pair = await this.authority.issue({ commonName, organization });
    const path = join(this.#options.directory, `${name}.kubeconfig`);
    return writeKubeconfig(path, kubeconfig(this.server, this.authority.certificate, pair));
  }

  async start(): Promise<void> {
    this.#etcd.start();
    await this.startApiServer();
    await this.#startControllers();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#controllers.map((daemon) => daemon.kill()));
    await this.#apiServer.kill();
    await this.#etcd.kill();
  }

  async startApiServer(): Promise<void> {
    this.#apiServer.start();
    await this.#apiServer.waitUntil(() => this.#answers('/readyz'));
  }

  /** Ends the API server alone; etcd keeps its data. */
  async stopApiServer(): Promise<void> {
    await this.#apiServer.kill();
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  #answers(path: string): Promise<boolean> {
    return new Promise((resolve) => {
      const { certificate, key } = this.#admin;
      const options = {
        ca: this.authority.certificate,
        cert: certificate,
        key,
        timeout: 2_000,
        agent: false,
      };
      const asked = request(`${this.server}${path}`, options, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      asked.on('timeout', () => asked.destroy());
      asked.on('error', () => resolve(false));
      asked.end();
    });
  }

  async #startControllers(): Promise<void> {
    const { 'kube-controller-manager': controllerManager, 'kube-scheduler': scheduler } =
      this.#options.binaries;
    if (controllerManager) {
      const config = await this.componentKubeconfig(
        'kube-controller-manager',
        'system:kube-controller-manager',
      );
      const args = this.#controllerManagerArgs(config);
      this.#controllers.push(this.#daemon('kube-controller-manager', controllerManager, args, true));
    }
    if (scheduler) {
      const config = await this.componentKubeconfig('kube-scheduler', 'system:kube-scheduler');
      const args = [`--kubeconfig=${config}`, '--leader-elect=false', '--secure-port=0'];
      this.#controllers.push(this.#daemon('kube-scheduler', scheduler, args, true));
    }
    for (const daemon of this.#controllers) daemon.start();
    // Pods can be created from here on.
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    if (controllerManager) await this.#controllers[0]?.waitUntil(() => this.#answers(account));
  }

  #etcdArgs(): string[] {
    const { directory, ports } = this.#options;
    const client = `http://127.0.0.1:${ports.etcd}`;
    const peer = `http://127.0.0.1:${ports.etcdPeer}`;
    return [
      '--name=default',
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The data is thrown away with the cluster: it need not survive a power cut.
      '--unsafe-no-fsync',
    ];
  }

  #apiServerArgs(): string[] {
    const { address, ports, binaries } = this.#options;
    const pki = (file: string) => this.authority.path(file);
    return [
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      `--bind-address=${address}`,
      `--advertise-address=${address}`,
      `--secure-port=${ports.apiServer}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--service-account-key-file=${pki('sa.pub')}`,
      `--service-account-signing-key-file=${pki('sa.key')}`,
      `--service-account-issuer=https://kubernetes.default.svc.${clusterDomain}`,
      `--service-cluster-ip-range=${serviceRange}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      // Without the controller manager no namespace has a default service account, and pods could not be created.
      ...(binaries['kube-controller-manager'] ? [] : ['--disable-admission-plugins=ServiceAccount']),
      '--allow-privileged=true',
      `--kubelet-client-certificate=${pki('admin.crt')}`,
      `--kubelet-client-key=${pki('admin.key')}`,
      // By address: nothing resolves the node's name.
      '--kubelet-preferred-address-types=InternalIP',
      '--profiling=false',
    ];
  }

  #controllerManagerArgs(config: string): string[] {
    const pki = (file: string) => this.authority.path(file);
    return [
      `--kubeconfig=${config}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--use-service-account-credentials=true',
      `--root-ca-file=${pki('ca.crt')}`,
      `--service-account-private-key-file=${pki('sa.key')}`,
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
      '--profiling=false',
    ];
  }
}
