import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { cacheDirectory, writeAtomically } from '../cluster/cache.ts';
import { findOnPath, runOk, searchPath } from '../cluster/command.ts';
import type { Backend, SeenRequest } from './seen-request.ts';

const GO_PATH = `${searchPath}:/usr/local/go/bin`;
const SOURCES = ['go.mod', 'main.go'].map((name) => new URL(`go-backend/${name}`, import.meta.url));

/** What stands in the way of running the Go server; undefined: nothing. */
export const withoutGo = (): string | undefined =>
  findOnPath('go', GO_PATH) === undefined ? 'needs the Go tools' : undefined;

/** The HTTP server of Go's standard library. */
export async function startGoBackend(): Promise<Backend> {
  const child = spawn(await build(), { stdio: ['ignore', 'pipe', 'inherit'] });
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

/** Compiled once for each state of its source. */
async function build(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(source));
  const binary = cacheDirectory('conformance', `go-backend-${hash.digest('hex').slice(0, 16)}`);
  const isBuilt = await access(binary).then(
    () => true,
    () => false,
  );
  if (!isBuilt) {
    const cwd = new URL('go-backend/', import.meta.url).pathname;
    const env = { PATH: GO_PATH, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' };
    await writeAtomically(binary, async (temporary) => {
      await runOk(findOnPath('go', GO_PATH)!, ['build', '-o', temporary, '.'], { cwd, env });
    });
  }
  return binary;
}
