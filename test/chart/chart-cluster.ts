import assert from 'node:assert/strict';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../apiserver/apiserver.ts';
import { findBinary } from '../cluster/binaries.ts';
import { type CommandResult, run } from '../cluster/command.ts';
import { type Helm, helm, type KubernetesObject, NAMESPACE, type Values } from './helm.ts';

const WITHIN_MS = 30_000;
const POLL_MS = 200;

/** A real API server to install the chart into, with helm and kubectl as an administrator. */
export class ChartCluster {
  readonly #server: ApiServer;
  readonly #kubectl: string;

  private constructor(server: ApiServer, kubectl: string) {
    this.#server = server;
    this.#kubectl = kubectl;
  }

  static async start(options: ApiServerOptions = {}): Promise<ChartCluster> {
    const [server, kubectl] = await Promise.all([startApiServer(options), findBinary('kubectl')]);
    return new ChartCluster(server, kubectl);
  }

  get kubeconfig(): string {
    return this.#server.kubeconfig;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  kubectl(args: readonly string[], input?: KubernetesObject): Promise<CommandResult> {
    const connection = ['--kubeconfig', this.#server.kubeconfigPath];
    return run(this.#kubectl, [...connection, ...args], { input: input && JSON.stringify(input) });
  }

  async ok(args: readonly string[], input?: KubernetesObject): Promise<string> {
    const { stdout, stderr, code } = await this.kubectl(args, input);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  apply(object: KubernetesObject): Promise<string> {
    return this.ok(['apply', '-f', '-'], object);
  }

  async get(...args: string[]): Promise<KubernetesObject> {
    return JSON.parse(await this.ok(['get', ...args, '-o', 'json']));
  }

  /** What kubectl says against it; empty: it was done. */
  async refusalOf(args: readonly string[], as?: string, input?: KubernetesObject): Promise<string> {
    const user = as === undefined ? [] : ['--as', as];
    const { stderr, code } = await this.kubectl([...args, ...user], input);
    return code === 0 ? '' : stderr || `exit code ${code}`;
  }

  /** Asks the API server to judge, and changes nothing. Empty: it would be admitted. */
  refusal(object: KubernetesObject, as?: string): Promise<string> {
    return this.refusalOf(['create', '--dry-run=server', '-f', '-'], as, object);
  }

  async release(version: Helm, args: readonly string[], values?: Values): Promise<string> {
    const connection = ['--kubeconfig', this.#server.kubeconfigPath, '--namespace', NAMESPACE];
    const { stdout, stderr, code } = await helm(version, [...args, ...connection], values);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async until(condition: () => Promise<boolean>, withinMs = WITHIN_MS): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!(await condition())) {
      assert.ok(Date.now() < deadline, 'it did not happen in time');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Admission policies take effect a moment after they were created. */
  async eventually(ask: () => Promise<string>, says: RegExp): Promise<void> {
    const deadline = Date.now() + WITHIN_MS;
    let said = await ask();
    while (!says.test(said) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      said = await ask();
    }
    assert.match(said, says);
  }
}
