import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_NAME } from '../machine/certificates.ts';
import { freePort, PROXY_CORE, startPinned } from '../machine/pinned.ts';
import { type RunningProxy, type Surroundings, upstreamPortOf, type Wiring } from './candidate.ts';
import type { HttpProxySettings } from './http-proxy-server.ts';

export async function startHttpProxy(around: Surroundings, wiring: Wiring): Promise<RunningProxy> {
  const port = await freePort();
  const { api, web, ca } = around.certificates;
  const settings: HttpProxySettings = {
    port,
    upstreamPort: upstreamPortOf(around, wiring),
    ca,
    ...(wiring.from === 'mtls' && { server: { cert: api.cert, key: api.key } }),
    ...(wiring.to === 'mtls' && { client: { cert: web.cert, key: web.key, name: API_NAME } }),
  };
  const file = join(around.dir, `http-proxy-${port}.json`);
  writeFileSync(file, JSON.stringify(settings));
  // without it every parse of a target warns about url.parse
  const args = ['--no-deprecation', around.bundles.httpProxy, file];
  const { pid, stop } = await startPinned(process.execPath, args, { core: PROXY_CORE, port });
  return { port, pid, stop, alpn: 'http/1.1' };
}
