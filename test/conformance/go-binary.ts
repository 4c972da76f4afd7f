import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { cacheDirectory, writeAtomically } from '../cluster/cache.ts';
import { findOnPath, runOk, searchPath } from '../cluster/command.ts';

const GO_PATH = `${searchPath}:/usr/local/go/bin`;

/** What stands in the way of building a Go program; undefined: nothing. */
export const withoutGo = (): string | undefined =>
  findOnPath('go', GO_PATH) === undefined ? 'needs the Go tools' : undefined;

/**
 * The program of a directory, compiled once for each state of its `sources`, go.mod and go.sum included: versions are
 * pinned there. `program`: its path; one of a module that go.mod names, too. Rejects with what the Go tools say.
 */
export async function goBinary(
  name: string,
  directory: URL,
  sources: readonly string[],
  program = '.',
): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(new URL(source, directory)));
  const binary = cacheDirectory('conformance', `${name}-${hash.digest('hex').slice(0, 16)}`);
  const isBuilt = await access(binary).then(
    () => true,
    () => false,
  );
  if (!isBuilt) {
    const env = { PATH: GO_PATH, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' };
    await writeAtomically(binary, async (temporary) => {
      const options = { cwd: directory.pathname, env };
      await runOk(findOnPath('go', GO_PATH)!, ['build', '-o', temporary, program], options);
    });
  }
  return binary;
}
