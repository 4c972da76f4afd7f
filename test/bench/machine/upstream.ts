import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nginxConfig } from '../candidates/nginx.ts';
import { API_NAME, type Certificates } from './certificates.ts';
import { freePort, LOAD_CORE, startPinned } from './pinned.ts';

/** What all candidates forward to, on the load's core: 100 bytes, and /1k, /64k and /1m. */
export interface Upstream {
  /** listens on every address of loopback, so that 127.x.y.z can be many endpoints */
  readonly plainPort: number;
  /** plaintext, answers when it has read the whole request */
  readonly uploadPort: number;
  /** mutual TLS as `API`, ALPN weft/1-h1 or none */
  readonly mtlsPort: number;
  readonly h2: Speakers;
  /** sends without end or takes without end, as the first byte says */
  readonly tcp: Speakers;
}

/** Ports of one that speaks something else than HTTP/1.1, in plaintext and by mutual TLS as `API`. */
export interface Speakers {
  readonly plaintext: number;
  readonly mtls: number;
}

export const SIZES = { '1k': 1024, '64k': 64 * 1024, '1m': 1024 * 1024 } as const;

export async function startUpstream(
  dir: string,
  load: string,
  certificates: Certificates,
): Promise<Upstream> {
  const plainPort = await freePort();
  const uploadPort = await freePort();
  const mtlsPort = await freePort();
  await startPinned('nginx', ['-c', upstreamConfig(dir, plainPort)], { core: LOAD_CORE, port: plainPort });
  const tls = (alpn: string) => ['-alpn', alpn, ...filesOf(certificates)];
  const serve = ['-mode', 'serve', '-addr', `127.0.0.1:${mtlsPort}`, ...tls('weft/1-h1,http/1.1')];
  await startPinned(load, serve, { core: LOAD_CORE, port: mtlsPort });
  const read = ['-mode', 'serve', '-addr', `127.0.0.1:${uploadPort}`];
  await startPinned(load, read, { core: LOAD_CORE, port: uploadPort });
  const speakers = async (args: readonly string[], alpn: string): Promise<Speakers> => ({
    plaintext: await startServer(load, args),
    mtls: await startServer(load, [...args, ...tls(alpn)]),
  });
  const h2 = await speakers(['-mode', 'serve', '-h2'], 'weft/1-h2,h2');
  const tcp = await speakers(['-mode', 'source'], 'weft/1-tcp');
  return { plainPort, uploadPort, mtlsPort, h2, tcp };
}

function filesOf({ api, ca }: Certificates): string[] {
  return ['-cert', api.cert, '-key', api.key, '-ca', ca, '-name', API_NAME];
}

async function startServer(load: string, args: readonly string[]): Promise<number> {
  const port = await freePort();
  await startPinned(load, [...args, '-addr', `127.0.0.1:${port}`], { core: LOAD_CORE, port });
  return port;
}

function upstreamConfig(dir: string, port: number): string {
  const root = join(dir, 'www');
  mkdirSync(root, { recursive: true });
  for (const [name, bytes] of Object.entries(SIZES))
    writeFileSync(join(root, name), Buffer.alloc(bytes, 'x'));
  return nginxConfig(
    dir,
    'upstream',
    `server {
      listen 0.0.0.0:${port} reuseport backlog=4096;
      root ${root};
      sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=16;
      client_max_body_size 0; client_body_buffer_size 2m;
      default_type text/plain;
      location / { return 200 '${'x'.repeat(100)}'; }
${Object.keys(SIZES)
  .map((name) => `      location = /${name} { }\n`)
  .join('')}    }`,
  );
}
