import { request } from 'node:http';

/** One line of a sidecar's own account of who talked to whom through it. */
export interface Edge {
  readonly direction: 'inbound' | 'outbound';
  readonly source: string;
  readonly destination: string;
  readonly service: string;
  readonly encrypted: boolean;
  readonly allowed: number;
  readonly denied: number;
  readonly errors: number;
}

const TIMEOUT_MS = 2_000;

/** Asks a sidecar over its unix socket. Rejects when it does not answer 200 with JSON within two seconds. */
export function edgesOf(socketPath: string): Promise<Edge[]> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/edges', timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        try {
          if (response.statusCode !== 200) throw new Error(`the sidecar answered ${response.statusCode}`);
          resolve(JSON.parse(text) as Edge[]);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('the sidecar does not answer')));
    asked.on('error', reject);
    asked.end();
  });
}

/** Asks once: undefined when the address answers 200, else what it says. */
export async function readyProblem(url: string): Promise<string | undefined> {
  const answer = await fetch(url).catch(() => undefined);
  if (answer === undefined) return 'no answer';
  const text = await answer.text();
  return answer.status === 200 ? undefined : `${answer.status} ${text.trim().slice(0, 500)}`;
}
