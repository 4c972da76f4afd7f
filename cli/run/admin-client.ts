import { askSocket } from '../access/socket-request.ts';

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
export async function edgesOf(socketPath: string): Promise<Edge[]> {
  const { status, text } = await askSocket(socketPath, {
    method: 'GET',
    path: '/edges',
    timeoutMs: TIMEOUT_MS,
  });
  if (status !== 200) throw new Error(`the sidecar answered ${status}`);
  return JSON.parse(text) as Edge[];
}

/** Asks once: undefined when the address answers 200, else what it says. */
export async function readyProblem(url: string): Promise<string | undefined> {
  const answer = await fetch(url).catch(() => undefined);
  if (answer === undefined) return 'no answer';
  const text = await answer.text();
  return answer.status === 200 ? undefined : `${answer.status} ${text.trim().slice(0, 500)}`;
}
