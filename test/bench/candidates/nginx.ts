import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_NAME } from '../machine/certificates.ts';
import { freePort, PROXY_CORE, startPinned } from '../machine/pinned.ts';
import { type RunningProxy, type Surroundings, upstreamPortOf, type Wiring } from './candidate.ts';

/** Bare nginx: one worker, keep-alive on both sides, nothing written to disk. */
export async function startNginx(
  around: Surroundings,
  wiring: Wiring,
  endpoints: readonly string[] = ['127.0.0.1'],
): Promise<RunningProxy> {
  const port = await freePort();
  const config = nginxConfig(around.dir, `proxy-${port}`, proxyServer(around, wiring, port, endpoints));
  const { pid, stop } = await startPinned('nginx', ['-c', config], { core: PROXY_CORE, port });
  return { port, pid, stop, alpn: 'http/1.1' };
}

function proxyServer(
  around: Surroundings,
  wiring: Wiring,
  port: number,
  endpoints: readonly string[],
): string {
  const { certificates } = around;
  const scheme = wiring.to === 'mtls' ? 'https' : 'http';
  const serverTls = `ssl_certificate ${certificates.api.cert}; ssl_certificate_key ${certificates.api.key};
      ssl_client_certificate ${certificates.ca}; ssl_verify_client on; ssl_protocols TLSv1.3;`;
  const clientTls = `proxy_ssl_certificate ${certificates.web.cert}; proxy_ssl_certificate_key ${certificates.web.key};
      proxy_ssl_trusted_certificate ${certificates.ca}; proxy_ssl_verify on; proxy_ssl_protocols TLSv1.3;
      proxy_ssl_name ${API_NAME}; proxy_ssl_server_name on;`;
  const servers = endpoints.map((address) => `server ${address}:${upstreamPortOf(around, wiring)};`);
  return `upstream app { ${servers.join('\n')} keepalive 256; keepalive_requests 100000000; }
    server {
      listen 127.0.0.1:${port}${wiring.from === 'mtls' ? ' ssl' : ''} backlog=4096;
      ${wiring.from === 'mtls' ? serverTls : ''}
      ${wiring.to === 'mtls' ? clientTls : ''}
      client_max_body_size 0; client_body_buffer_size 64k;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
      location / {
        proxy_pass ${scheme}://app;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
      }
    }`;
}

/** Writes a configuration around one `http` block's content and returns its file. */
export function nginxConfig(dir: string, name: string, http: string): string {
  const temp = join(dir, `${name}-temp`);
  mkdirSync(temp, { recursive: true });
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const file = join(dir, `${name}.conf`);
  writeFileSync(
    file,
    `daemon off; master_process off; worker_processes 1; pid ${temp}/pid; error_log stderr error;
events { worker_connections 16384; }
http {
    access_log off; keepalive_requests 100000000; keepalive_timeout 600s; tcp_nodelay on;
    ${paths.map((path) => `${path}_temp_path ${temp}/${path};`).join(' ')}
    ${http}
}
`,
  );
  return file;
}
