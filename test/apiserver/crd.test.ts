import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { KubeConfig, type KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { CASES_PAST_BOUNDS, INVALID_CASES, POLICY_CASES, type PolicyCase } from '../../api/policy/cases.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/weft.dev_meshpolicies.yaml');
const POLICIES = '/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies';
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

/** The API server's answer to what it does not accept. */
interface Refusal {
  readonly message: string;
  readonly details?: { readonly causes?: readonly { readonly field: string; readonly message: string }[] };
}

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

  for (const [index, one] of POLICY_CASES.filter(({ valid }) => valid).entries()) {
    test(`accepts, and gives back unchanged: ${one.name}`, async () => {
      const { spec } = one.document as Policy;
      const { code, said } = await post(config, POLICIES, policy(`case-${index}`, spec));
      assert.equal(code, 201, said);
      assert.deepEqual((JSON.parse(said) as Policy).spec, spec);
    });
  }

  for (const one of INVALID_CASES) {
    test(`refuses, and says why: ${one.name}`, () => refuses(config, one));
  }

  for (const [place, cases] of Map.groupBy(CASES_PAST_BOUNDS, ({ name }) => name.split(': ')[0])) {
    test(`refuses what is past the bounds of ${place}, and says why`, async () => {
      for (const one of cases) await refuses(config, one);
    });
  }

  test('answers a rule across fields with one problem, and that one only', async () => {
    const one = INVALID_CASES.find(({ name }) => name === 'weights that sum to 0');
    const { said } = await post(config, POLICIES, one?.document);
    assert.deepEqual(
      (JSON.parse(said) as Refusal).details?.causes?.map(({ field }) => field),
      [one?.path],
    );
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

/** The API server writes `claims[role]` for some problems and `claims.role` for others. */
const MAP_KEY = /\[([a-z]\w*)\]/g;

/** At the place and in the words of the case. An unknown field is refused before there are places. */
async function refuses(config: KubeConfig, { document, path = '', words = '' }: PolicyCase): Promise<void> {
  const { code, said } = await post(config, POLICIES, policy('refused', (document as Policy).spec));
  const { message, details } = JSON.parse(said) as Refusal;
  if (words === 'unknown field') {
    assert.equal(code, 400, said);
    assert.ok(message.includes(`unknown field "${path}"`), message);
    return;
  }
  assert.equal(code, 422, said);
  const here = details?.causes?.filter(({ field }) => field.replace(MAP_KEY, '.$1') === path) ?? [];
  assert.ok(
    here.some((cause) => cause.message.includes(words)),
    message,
  );
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
