import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from '../cluster/command.ts';
import { freePorts } from '../free-ports.ts';
import { accepts } from '../listening.ts';
import { type Backend, digestOf, type SeenRequest } from './seen-request.ts';

/** What stands in the way of running nginx; undefined: nothing. */
export const withoutNginx = (): string | undefined =>
  findOnPath('nginx') === undefined ? 'needs nginx: apt-get install nginx-light' : undefined;

/** nginx, which writes bodies to its log because it has to read them for the server behind it. */
export async function startNginxBackend(): Promise<Backend> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-nginx-'));
  const [port] = (await freePorts(1)) as [number];
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, port));
  const flags = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
  const child = spawn(findOnPath('nginx')!, flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill();
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  const seen = async () => parseLog(await readFile(join(folder, 'access.log'), 'latin1'));
  return { name: 'nginx', port, seen, stop };
}

/** Requests that were refused or did not arrive whole have not gone on to the second server. */
function parseLog(text: string): SeenRequest[] {
  const lines = text.split('\n').filter((line) => line !== '');
  const entries = lines.map((line) => JSON.parse(line) as Record<string, string>);
  return entries
    .filter(({ status }) => status === '200')
    .map(({ method = '', target = '', host = '', body = '' }) => ({
      method,
      target,
      host,
      body: digestOf(body),
    }));
}

function configuration(folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  log_format seen escape=json '{"method":"$request_method","target":"$request_uri","host":"$http_host","status":"$status","body":"$request_body"}';
  access_log off;
  server_tokens off;
  keepalive_timeout 60s;
  keepalive_requests 100000;
  large_client_header_buffers 4 128k;
  client_body_buffer_size 256k;
  client_body_in_single_buffer on;
  server {
    listen 127.0.0.1:${port};
    access_log ${folder}/access.log seen;
    location / { proxy_pass http://unix:${folder}/sink.sock; }
  }
  server {
    listen unix:${folder}/sink.sock;
    location / { return 200 ok; }
  }
}
`;
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx does not listen on port ${port}`);
}
