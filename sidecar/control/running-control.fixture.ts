import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import {
  createTestAuthority,
  OPERATOR_ID,
  type TestAuthority,
} from '../../test/fixtures/certificate-authority.ts';
import { createLog } from '../log.ts';
import { readSettings } from '../settings.ts';
import { systemClock } from './clock.ts';
import { KubeletVolume, PROXY_ID, proxyConfig, temporaryFolder } from './control.fixture.ts';
import { Control } from './control.ts';
import { TestControlPlane } from './control-plane.fixture.ts';

/** how long a test certificate lives */
export const HOUR_MS = 3_600_000;

export interface Place {
  readonly authority: TestAuthority;
  readonly volume: KubeletVolume;
  readonly stateDir: string;
  readonly plane: TestControlPlane;
}

/** A volume, a state folder and a control plane, all gone after the test. */
export async function place(t: TestContext): Promise<Place> {
  const authority = await createTestAuthority();
  return {
    authority,
    volume: new KubeletVolume(await temporaryFolder(t)),
    stateDir: await temporaryFolder(t),
    plane: await TestControlPlane.start(t, authority),
  };
}

/** A control on that place; `aheadMs` puts its clock forward. */
export function start(
  t: TestContext,
  { authority, volume, stateDir, plane }: Place,
  env: Record<string, string> = {},
  aheadMs = 0,
) {
  const logs: string[] = [];
  const control = new Control({
    settings: readSettings({
      WEFT_PROXY_ID: PROXY_ID,
      WEFT_PROXY_DIR: volume.directory,
      WEFT_STATE_DIR: stateDir,
      WEFT_CONTROL_PLANE: plane.address,
      WEFT_CONTROL_PLANE_ID: OPERATOR_ID,
      WEFT_TRUST_BUNDLE: authority.root,
      WEFT_TOKEN_FILE: join(stateDir, 'token'),
      ...env,
    }),
    ...{ agent: 'test', random: () => 0.01 },
    clock: { ...systemClock, nowMs: () => Date.now() + aheadMs },
    log: createLog({ level: 'debug', write: (line) => logs.push(line) }),
  });
  t.after(() => control.stop());
  return { control, logs, hash: () => control.state.config?.version.hash };
}

export const version = (hash: string, policies: Record<string, number> = {}) => ({ hash, policies });

export async function secret(
  { authority, plane }: Place,
  overrides: Partial<ProxyConfig> = {},
  options = {},
) {
  const { certificate, privateKey } = await authority.issue({ dns: [PROXY_ID], ...options });
  const controlPlane = { address: plane.address, spiffeId: OPERATOR_ID };
  return {
    'config.json': JSON.stringify(proxyConfig({ controlPlane, ...overrides })),
    'tls.crt': certificate,
    'tls.key': privateKey,
    'ca.crt': authority.root,
  };
}

export const config = ({ plane }: Place, overrides: Partial<ProxyConfig>) =>
  proxyConfig({ controlPlane: { address: plane.address, spiffeId: OPERATOR_ID }, ...overrides });
