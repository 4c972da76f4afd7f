import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { REPLAY_MAX_BYTES } from '../../api/replay.ts';
import { messageOf } from '../log.ts';
import { type Answer, json, readiness, send, text } from './answer.ts';
import { bodyOf } from './body.ts';

export const SOCKET_NAME = 'admin.sock';
/** sun_path of unix(7), without its terminating NUL */
const SOCKET_PATH_MAX_BYTES = 107;
/** Bodies of replays that are held at the same time; one is answered at a time anyway. */
const REPLAYS_MAX = 4;

export interface AdminSocketOptions {
  readonly stateDir: string;
  readonly reasons: () => readonly string[];
  /** without keys */
  readonly config: () => unknown;
  readonly edges: () => unknown;
  readonly connections: () => unknown;
  /** the last requests */
  readonly trails: (query: URLSearchParams) => unknown;
  /** what a candidate would have said to the last requests; the text is the body. Rejects when it is wrong. */
  readonly replay: (body: string) => Promise<unknown>;
  /** the pod is terminating: fail readiness, keep serving */
  readonly drain: () => void;
  /** another sidecar is about to take this one's place: fail readiness, keep serving, end connections */
  readonly withdraw: () => void;
}

/**
 * What an operator of the pod may look at and ask for, on a unix socket in a volume that only the sidecar
 * mounts: not on a port that an app can be tricked into calling.
 */
export class AdminSocket {
  readonly #options: AdminSocketOptions;
  readonly #path: string;
  #server: Server | undefined;
  #replays = 0;

  constructor(options: AdminSocketOptions) {
    this.#options = options;
    this.#path = join(options.stateDir, SOCKET_NAME);
  }

  /** Takes the place of a socket that a killed process left. Rejects when it cannot be bound. */
  async listen(): Promise<void> {
    if (Buffer.byteLength(this.#path) > SOCKET_PATH_MAX_BYTES) {
      throw new Error(`${this.#path} is longer than the ${SOCKET_PATH_MAX_BYTES} bytes of a socket's path`);
    }
    await rm(this.#path, { force: true });
    const server = createServer((request, response) => {
      if (request.method !== 'POST' || request.url !== '/replay') {
        return send(response, this.#answer(request.method, request.url));
      }
      void this.#replay(request).then((answer) => send(response, answer));
    });
    this.#server = server;
    await bindPrivately(server, this.#path);
    await chmod(this.#path, 0o600);
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }

  async #replay(request: IncomingMessage): Promise<Answer> {
    if (this.#replays >= REPLAYS_MAX) return json({ error: 'other replays are under way: ask again' }, 503);
    this.#replays += 1;
    try {
      const body = await bodyOf(request, REPLAY_MAX_BYTES);
      if (body === undefined) return json({ error: `more than ${REPLAY_MAX_BYTES} bytes` }, 413);
      return json(await this.#options.replay(body));
    } catch (error) {
      return json({ error: messageOf(error) }, 400);
    } finally {
      this.#replays -= 1;
    }
  }

  #answer(method: string | undefined, url: string | undefined): Answer {
    const { reasons, config, edges, connections, trails, drain, withdraw } = this.#options;
    const [path, query] = (url ?? '').split('?', 2);
    switch (`${method} ${path}`) {
      case 'GET /config':
        return json(config());
      case 'GET /edges':
        return json(edges());
      case 'GET /connections':
        return json(connections());
      case 'GET /trails':
        return json(trails(new URLSearchParams(query)));
      case 'GET /readyz':
        return readiness(reasons());
      case 'POST /drain':
        drain();
        return json({ draining: true });
      case 'POST /withdraw':
        withdraw();
        return json({ withdrawn: true });
      default:
        return text(
          404,
          'there are GET /config, /edges, /connections, /trails, /readyz and POST /replay, /drain, /withdraw',
        );
    }
  }
}

/** `listen` on a path binds before it returns, so the mask holds for the socket and for nothing else. */
function bindPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}
