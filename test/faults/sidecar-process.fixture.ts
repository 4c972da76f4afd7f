import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Listeners } from '../../api/proxy-config.ts';
import {
  KubeletVolume,
  PROXY_ID,
  proxyConfig,
  temporaryFolder,
} from '../../sidecar/control/control.fixture.ts';
import { createTestAuthority } from '../fixtures/certificate-authority.ts';
import { freePorts } from '../free-ports.ts';
import { eventually } from './client.fixture.ts';

const WEFT = join(import.meta.dirname, '..', '..', 'weft.ts');
const START_MS = 20_000;

export interface RunningSidecar {
  readonly child: ChildProcess;
  readonly inboundPort: number;
  readonly adminPort: number;
  metrics(): Promise<string>;
}

/** A whole sidecar in front of an app, as it runs in a pod but for the redirection. Ends with the test. */
export async function runSidecar(
  t: TestContext,
  appPort: number,
  descriptorLimit?: number,
): Promise<RunningSidecar> {
  const [adminPort, inboundPort] = (await freePorts(2)) as [number, number];
  const volume = new KubeletVolume(await temporaryFolder(t));
  const listeners: Listeners = {
    inbound: [{ address: '127.0.0.1', port: inboundPort, appAddress: '127.0.0.1', appPort }],
    outbound: [],
    admin: { address: '127.0.0.1', port: adminPort },
  };
  const authority = await createTestAuthority();
  const { certificate, privateKey } = await authority.issue({ dns: [PROXY_ID] });
  await volume.write({
    ...{ 'config.json': JSON.stringify(proxyConfig({ listeners })), 'ca.crt': authority.root },
    ...{ 'tls.crt': certificate, 'tls.key': privateKey },
  });
  const limit = descriptorLimit === undefined ? '' : `ulimit -n ${descriptorLimit} && `;
  const child = spawn('sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, WEFT, 'sidecar'], {
    env: {
      ...{ PATH: process.env.PATH, WEFT_PROXY_ID: PROXY_ID, WEFT_PROXY_DIR: volume.directory },
      ...{ WEFT_STATE_DIR: await temporaryFolder(t), WEFT_GRACE_SECONDS: '1' },
    },
    stdio: 'ignore',
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const at = (path: string) => fetch(`http://127.0.0.1:${adminPort}${path}`);
  const isReady = () =>
    at('/readyz').then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('the sidecar is ready', isReady, START_MS);
  return { child, inboundPort, adminPort, metrics: async () => (await at('/metrics')).text() };
}
