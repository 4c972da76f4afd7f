import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIDECAR_RUNTIME } from '../../../api/environment.ts';
import { SECRET_KEYS } from '../../../api/names.ts';
import { freePort, PROXY_CORE, startPinned } from '../machine/pinned.ts';
import type { RunningProxy, Surroundings, Wiring } from './candidate.ts';
import { weftSettings } from './weft.ts';

/**
 * The whole sidecar as the image starts it, control and admin included, booted from a folder as from its Secret
 * and without an operator: what memory and start are measured of.
 */
export async function startSidecar(
  around: Surroundings,
  wiring: Wiring,
  dist: string,
): Promise<RunningProxy> {
  const port = await freePort();
  const { identity, config } = weftSettings(around, wiring, port);
  const { admin, ...listeners } = config.listeners!;
  const adminPort = await freePort();
  const dir = join(around.dir, `sidecar-${port}`);
  mkdirSync(join(dir, 'state'), { recursive: true });
  const document = { ...config, listeners: { ...listeners, admin: { ...admin, port: adminPort } } };
  writeFileSync(join(dir, SECRET_KEYS.config), JSON.stringify(document));
  writeFileSync(join(dir, SECRET_KEYS.certificate), identity.certificate);
  writeFileSync(join(dir, SECRET_KEYS.privateKey), identity.privateKey, { mode: 0o600 });
  writeFileSync(join(dir, SECRET_KEYS.trustBundle), identity.trustBundle);
  const env = {
    ...process.env,
    ...SIDECAR_RUNTIME,
    WEFT_PROXY_ID: config.proxyId,
    WEFT_PROXY_DIR: dir,
    WEFT_STATE_DIR: join(dir, 'state'),
    WEFT_LOG_LEVEL: 'error',
  };
  const args = [...around.runtimeFlags, join(dist, 'weft.js'), 'sidecar'];
  const { pid, stop } = await startPinned(around.runtime, args, { core: PROXY_CORE, port, env });
  return { port, pid, stop, alpn: 'weft/1-h1' };
}
