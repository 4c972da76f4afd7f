import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import {
  ApiException,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
} from '@kubernetes/client-node';
import { parse } from 'yaml';
import { POLICY_CASES, type PolicyCase } from '../../api/policy/cases.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/weft.dev_meshpolicies.yaml');
const ESTABLISH_ATTEMPTS = 100;

interface Crd extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}
type Policy = KubernetesObject & { readonly spec: unknown };

describe('the CRD in a real API server', () => {
  let server: ApiServer;
  let config: KubeConfig;
  let api: KubernetesObjectApi;
  let crd: Crd;

  before(async () => {
    server = await startApiServer();
    config = new KubeConfig();
    config.loadFromString(server.kubeconfig);
    api = KubernetesObjectApi.makeApiClient(config);
    await createCrd(config);
    crd = await established(api);
    await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  });
  after(async () => {
    await server?.stop();
  });

  test('is established, its names accepted, its schema structural', () => {
    const conditions = new Map(crd.status?.conditions?.map((one) => [one.type, one.status]));
    assert.equal(conditions.get('Established'), 'True');
    assert.equal(conditions.get('NamesAccepted'), 'True');
    assert.equal(conditions.get('NonStructuralSchema'), undefined);
  });

  for (const [index, one] of POLICY_CASES.entries()) {
    if (one.valid) {
      test(`accepts, and gives back unchanged: ${one.name}`, async () => {
        const created = (await create(api, one, index)) as Policy;
        assert.deepEqual(created.spec, (one.document as Policy).spec);
      });
    } else {
      test(`refuses: ${one.name}`, async () => {
        const message = await refusal(() => create(api, one, index));
        if (one.rule !== undefined) assert.ok(message.includes(one.rule), message);
      });
    }
  }

  test('refuses an unknown field of a client that asks for strict validation', async () => {
    const document = policy('unknown-field', { inbound: { mtls: { mode: 'Strict', level: 9 } } });
    const { code, said } = await post(
      config,
      '/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies',
      document,
    );
    assert.equal(code, 400, said);
    assert.ok(said.includes('spec.inbound.mtls.level'), said);
  });

  test('keeps status apart from spec', async () => {
    const created = (await api.create(
      policy(
        'with-status',
        { inbound: { mtls: { mode: 'Strict' } } },
        {
          observedGeneration: 1,
        },
      ),
    )) as Policy & { status?: unknown };
    assert.equal(created.status, undefined);
  });
});

/**
 * Posts as it is, with strict validation of fields, as kubectl does: the typed client would drop the
 * `x-kubernetes-` keywords of a CRD, which it knows under other names.
 */
async function post(
  config: KubeConfig,
  path: string,
  body: unknown,
): Promise<{ code?: number; said: string }> {
  const url = `${config.getCurrentCluster()?.server}${path}?fieldValidation=Strict`;
  const options: RequestOptions = { method: 'POST', headers: { 'content-type': 'application/json' } };
  await config.applyToHTTPSOptions(options);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end(JSON.stringify(body));
  });
  return { code: answer.statusCode, said: await text(answer) };
}

async function createCrd(config: KubeConfig): Promise<void> {
  const body: unknown = parse(readFileSync(CRD_FILE, 'utf8'));
  const { code, said } = await post(config, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body);
  assert.equal(code, 201, said);
}

function policy(name: string, spec: unknown, status?: unknown): KubernetesObject {
  const document = {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: { name, namespace: 'shop' },
    spec,
    ...(status === undefined ? {} : { status }),
  };
  return document as KubernetesObject;
}

async function create(api: KubernetesObjectApi, one: PolicyCase, index: number): Promise<KubernetesObject> {
  return api.create(policy(`case-${index}`, (one.document as Policy).spec));
}

/** What the API server answers to a document it refuses as invalid. */
async function refusal(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    const status = (typeof error.body === 'string' ? JSON.parse(error.body) : error.body) as {
      message: string;
    };
    assert.ok(error.code === 422 || error.code === 400, `${error.code}: ${status.message}`);
    return status.message;
  }
  throw new assert.AssertionError({ message: 'the API server accepted it' });
}

async function established(api: KubernetesObjectApi): Promise<Crd> {
  const header = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'meshpolicies.weft.dev' },
  };
  let crd: Crd = header;
  for (let attempt = 0; attempt < ESTABLISH_ATTEMPTS; attempt++) {
    crd = (await api.read(header)) as Crd;
    const condition = crd.status?.conditions?.find((one) => one.type === 'Established');
    if (condition?.status === 'True') return crd;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the CRD is not established: ${JSON.stringify(crd.status?.conditions)}`);
}
