import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { goBinary } from './go-binary.ts';
import type { Backend, SeenRequest } from './seen-request.ts';

const DIRECTORY = new URL('go-backend/', import.meta.url);

/** The HTTP server of Go's standard library. */
export async function startGoBackend(): Promise<Backend> {
  const child = spawn(await goBinary('go-backend', DIRECTORY, ['go.mod', 'main.go']), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout);
  const [first] = (await once(lines, 'line')) as [string];
  const { port } = JSON.parse(first) as { port: number };
  const seen: SeenRequest[] = [];
  lines.on('line', (line) => seen.push(JSON.parse(line) as SeenRequest));
  return {
    name: 'go',
    port,
    seen: () => Promise.resolve(seen),
    stop: async () => {
      child.kill();
      await exited;
    },
  };
}
