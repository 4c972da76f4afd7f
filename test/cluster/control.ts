import { createServer, request } from 'node:http';

export interface NodeStatus {
  phase: 'starting' | 'ready' | 'failed';
  /** What is being done, or what went wrong. */
  detail: string;
}

export interface Controls {
  status(): Promise<NodeStatus>;
  'stop-api-server'(): Promise<void>;
  'start-api-server'(): Promise<void>;
  'pause-kubelet'(): Promise<void>;
  'resume-kubelet'(): Promise<void>;
}

/**
 * Answers on a socket with a path: unlike a port, it is reached from another network namespace,
 * and only by those who may open the file.
 */
export function serveControls(path: string, controls: Controls): Promise<void> {
  const server = createServer((asked, answer) => {
    const name = (asked.url ?? '').slice(1) as keyof Controls;
    const control = controls[name];
    if (!control) return void answer.writeHead(404).end();
    Promise.resolve(control())
      .then((result) => answer.end(JSON.stringify(result ?? {})))
      .catch((error: unknown) => answer.writeHead(500).end(String(error)));
  });
  return new Promise((resolve) => server.listen(path, resolve));
}

export function callControl<Name extends keyof Controls>(
  path: string,
  name: Name,
): Promise<Awaited<ReturnType<Controls[Name]>>> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, path: `/${name}`, method: 'POST', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text)),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}
