import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';

/** http-proxy as its documentation starts it, with keep-alive to the upstream. */
export interface HttpProxySettings {
  readonly port: number;
  readonly upstreamPort: number;
  readonly ca: string;
  readonly server?: { readonly cert: string; readonly key: string };
  readonly client?: { readonly cert: string; readonly key: string; readonly name: string };
}

interface ProxyServer {
  web(request: http.IncomingMessage, response: http.ServerResponse): void;
  on(event: 'error', listener: (error: Error, request: unknown, response: http.ServerResponse) => void): void;
}
// It has no types of its own, so it is not imported.
const { createProxyServer } = createRequire(import.meta.url)('http-proxy') as {
  createProxyServer(options: object): ProxyServer;
};

function main(file: string): void {
  const settings = JSON.parse(readFileSync(file, 'utf8')) as HttpProxySettings;
  const ca = readFileSync(settings.ca);
  const { client, server } = settings;
  const tls = client && { cert: readFileSync(client.cert), key: readFileSync(client.key), ca };
  const proxy = createProxyServer({
    target: tls
      ? {
          protocol: 'https:',
          host: '127.0.0.1',
          port: settings.upstreamPort,
          ...tls,
          servername: client.name,
        }
      : `http://127.0.0.1:${settings.upstreamPort}`,
    agent: tls
      ? new https.Agent({ keepAlive: true, ...tls, servername: client.name })
      : new http.Agent({ keepAlive: true }),
    secure: true,
  });
  proxy.on('error', (error, _request, response) => {
    process.stderr.write(`${error.message}\n`);
    response.writeHead(502).end();
  });
  const handle = (request: http.IncomingMessage, response: http.ServerResponse) =>
    proxy.web(request, response);
  const listening = server
    ? https.createServer(
        {
          cert: readFileSync(server.cert),
          key: readFileSync(server.key),
          ca,
          requestCert: true,
          rejectUnauthorized: true,
          minVersion: 'TLSv1.3',
        },
        handle,
      )
    : http.createServer(handle);
  listening.keepAliveTimeout = 600_000;
  listening.listen(settings.port, '127.0.0.1');
  process.once('SIGTERM', () => process.exit(0));
}

main(process.argv[2]!);
