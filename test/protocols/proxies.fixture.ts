import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../free-ports.ts';
import { ServerProcess, temporaryFolder } from './server-process.ts';

export interface ProxyPeer {
  readonly port: number;
  stop(): Promise<void>;
}
interface Way {
  readonly folder: string;
  readonly port: number;
  /** where it sends what it is asked */
  readonly to: number;
}

/** nginx, connections to what is behind it kept; asks by HTTP/1.1, and is asked by `http2` where that is wanted. */
export const startNginx = (to: number, listen: '' | ' http2' = ''): Promise<ProxyPeer> =>
  start(
    'nginx',
    to,
    (way) => nginxConfiguration(way, listen),
    (folder, file) => [...['-p', folder, '-c', file, '-e', join(folder, 'error.log')]],
  );

/** HAProxy; `listen` and `ask`: what it takes and what it sends. */
export const startHaproxy = (to: number, listen: Speaks, ask: Speaks): Promise<ProxyPeer> =>
  start(
    'haproxy',
    to,
    (way) => haproxyConfiguration(way, listen, ask),
    (_folder, file) => ['-db', '-f', file],
  );

export type Speaks = 'h1' | 'h2';

async function start(
  program: string,
  to: number,
  configuration: (way: Way) => string,
  flags: (folder: string, file: string) => string[],
): Promise<ProxyPeer> {
  const folder = await temporaryFolder();
  const [port] = (await freePorts(1)) as [number];
  const file = join(folder.path, 'configuration');
  await writeFile(file, configuration({ folder: folder.path, port, to }));
  const server = await ServerProcess.start(port, program, flags(folder.path, file));
  return {
    port,
    stop: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

function nginxConfiguration({ folder, port, to }: Way, listen: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  access_log off;
  client_max_body_size 0;
  upstream app { server 127.0.0.1:${to}; keepalive 4; }
  server {
    listen 127.0.0.1:${port}${listen};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
}
`;
}

function haproxyConfiguration({ port, to }: Way, listen: Speaks, ask: Speaks): string {
  return `
global
  maxconn 100
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option http-no-delay
frontend in
  bind 127.0.0.1:${port} proto ${listen}
  default_backend app
backend app
  server app 127.0.0.1:${to} proto ${ask}
`;
}
