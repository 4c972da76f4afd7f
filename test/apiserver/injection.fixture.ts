import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { selfSigned } from '../../injector/certificate.fixture.ts';
import type { Injector } from '../../injector/injector.ts';
import { type KubernetesObject, pick, render } from '../chart/helm.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';
import { startInjector } from './injector.fixture.ts';

/** What the API server says to a request: an object or a refusal, and what it warns of. */
export interface Said {
  readonly code: number;
  readonly object: KubernetesObject;
  readonly warnings: readonly string[];
}

const WITHIN_MS = 60_000;
const POLL_MS = 200;

/** A real API server with the real injector behind the selectors and the admission policies that the chart renders. */
export class InjectionServer {
  readonly #server: ApiServer;
  readonly #injector: Injector;
  readonly #directory: string;
  readonly #config = new KubeConfig();

  private constructor(server: ApiServer, injector: Injector, directory: string) {
    this.#server = server;
    this.#injector = injector;
    this.#directory = directory;
    this.#config.loadFromString(server.kubeconfig);
  }

  static async start(): Promise<InjectionServer> {
    const directory = await mkdtemp(join(tmpdir(), 'weft-injection-'));
    const { cert, key } = await selfSigned();
    for (const [name, content] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': cert })) {
      await writeFile(join(directory, name), content);
    }
    const injector = await startInjector(directory);
    // With the controllers: they make pods of templates, service accounts and quotas.
    const server = await startApiServer({ controllerManager: true });
    const injection = new InjectionServer(server, injector, directory);
    try {
      await injection.#install(cert);
      return injection;
    } catch (error) {
      await injection.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#injector.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Creates a namespace and waits until pods can be created in it. */
  async namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.post('/api/v1/namespaces', { metadata: { name, labels } });
    await until(`the service account of ${name}`, async () => {
      return (await this.get(`/api/v1/namespaces/${name}/serviceaccounts/default`)).code === 200;
    });
  }

  /** In a dry run, which is admitted like any other. */
  judge(namespace: string, pod: object): Promise<Said> {
    return this.ask('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
  }

  async post(path: string, object: object): Promise<KubernetesObject> {
    const said = await this.ask('POST', path, object);
    assert.ok(said.code < 300, said.object.message);
    return said.object;
  }

  get(path: string): Promise<Said> {
    return this.ask('GET', path);
  }

  async pods(namespace: string, labels = ''): Promise<KubernetesObject[]> {
    const selector = labels === '' ? '' : `?labelSelector=${encodeURIComponent(labels)}`;
    return (await this.get(`/api/v1/namespaces/${namespace}/pods${selector}`)).object.items;
  }

  /** The client library keeps headers, where the warnings are, to itself. */
  async ask(method: string, path: string, object?: object, contentType = 'application/json'): Promise<Said> {
    const options = { method, headers: { 'content-type': contentType } };
    await this.#config.applyToHTTPSOptions(options);
    const { code, headers, body } = await new Promise<{ code: number; headers: string[]; body: string }>(
      (resolve, reject) => {
        const asked = request(this.#server.server + path, options, (response) => {
          const { statusCode = 0, rawHeaders } = response;
          text(response).then((body) => resolve({ code: statusCode, headers: rawHeaders, body }), reject);
        });
        asked.on('error', reject);
        asked.end(object === undefined ? undefined : JSON.stringify(object));
      },
    );
    const warnings = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === 'warning');
    // 299 - "text": https://www.rfc-editor.org/rfc/rfc7234#section-5.5
    return { code, object: JSON.parse(body), warnings: warnings.map((each) => JSON.parse(each.slice(6))) };
  }

  async #install(authority: string): Promise<void> {
    const objects = await render();
    const webhooks = pick(objects, 'MutatingWebhookConfiguration');
    for (const { clientConfig } of webhooks.webhooks) {
      clientConfig.url = `https://127.0.0.1:${this.#injector.port}${clientConfig.service.path}`;
      clientConfig.caBundle = Buffer.from(authority).toString('base64');
      delete clientConfig.service;
    }
    const path = '/apis/admissionregistration.k8s.io/v1';
    await this.post(`${path}/mutatingwebhookconfigurations`, webhooks);
    for (const name of ['weft-uninjected', 'weft-ephemeral-containers', 'weft-misplaced-inject']) {
      await this.post(
        `${path}/validatingadmissionpolicies`,
        pick(objects, 'ValidatingAdmissionPolicy', name),
      );
      const binding = pick(objects, 'ValidatingAdmissionPolicyBinding', name);
      await this.post(`${path}/validatingadmissionpolicybindings`, binding);
    }
    await this.#untilInForce();
  }

  /** The API server learns of webhooks by watching; until then it takes pods as they come. */
  async #untilInForce(): Promise<void> {
    await this.namespace('in-force', { 'weft.dev/inject': 'enabled' });
    const pod = { metadata: { name: 'a' }, spec: { containers: [{ name: 'app', image: 'a' }] } };
    await until('a webhook that is called', async () => {
      const { code, object } = await this.judge('in-force', pod);
      return code === 201 && object.spec.initContainers !== undefined;
    });
  }
}

export async function until(
  what: string,
  condition: () => Promise<boolean>,
  withinMs = WITHIN_MS,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await delay(POLL_MS);
  }
}
