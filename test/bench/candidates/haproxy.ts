import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_NAME } from '../machine/certificates.ts';
import { freePort, PROXY_CORE, startPinned } from '../machine/pinned.ts';
import { type RunningProxy, type Surroundings, upstreamPortOf, type Wiring } from './candidate.ts';

/** HAProxy with one thread, keep-alive and reuse of connections. */
export async function startHaproxy(around: Surroundings, wiring: Wiring): Promise<RunningProxy> {
  const port = await freePort();
  const file = join(around.dir, `haproxy-${port}.cfg`);
  writeFileSync(file, config(around, wiring, port));
  const { pid, stop } = await startPinned('haproxy', ['-db', '-q', '-f', file], { core: PROXY_CORE, port });
  return { port, pid, stop, alpn: ALPN[wiring.speaks ?? 'http'] };
}

const ALPN = { http: 'http/1.1', h2: 'h2', tcp: '' } as const;

function config(around: Surroundings, wiring: Wiring, port: number): string {
  const { ca, api, web } = around.certificates;
  const alpn = wiring.speaks === 'tcp' ? '' : ` alpn ${ALPN[wiring.speaks ?? 'http']}`;
  const serverTls = ` ssl crt ${api.both} ca-file ${ca} verify required ssl-min-ver TLSv1.3${alpn}`;
  const clientTls = ` ssl crt ${web.both} ca-file ${ca} verify required verifyhost ${API_NAME} sni str(${API_NAME}) ssl-min-ver TLSv1.3`;
  const proto = wiring.speaks === 'h2' ? ' proto h2' : '';
  return `global
  nbthread 1
  maxconn 9000
defaults
  mode ${wiring.speaks === 'tcp' ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 600s
  timeout server 600s
${wiring.speaks === 'tcp' ? '' : '  option http-keep-alive\n  http-reuse always\n'}frontend in
  bind 127.0.0.1:${port}${wiring.from === 'mtls' ? serverTls : ''}${proto}
  default_backend out
backend out
  server app 127.0.0.1:${upstreamPortOf(around, wiring)}${wiring.to === 'mtls' ? clientTls : ''}${proto}
`;
}
