import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { OPERATOR_ID, TEST_TRUST_DOMAIN } from '../../test/fixtures/certificate-authority.ts';

export const PROXY_ID = 'p1';

export function proxyConfig(overrides: Partial<ProxyConfig> = {}): ProxyConfig {
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'ProxyConfig',
    version: { hash: 'h1', policies: {} },
    proxyId: PROXY_ID,
    trustDomain: TEST_TRUST_DOMAIN,
    workload: { name: 'web-1', namespace: 'shop', serviceAccount: 'web', app: 'web' },
    controlPlane: { address: '127.0.0.1:1', spiffeId: OPERATOR_ID },
    inbound: { ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }], rules: [] },
    ...overrides,
  };
}

/** A fresh folder, removed after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The files of a Secret as the kubelet writes them: a folder of its own, swapped in by one symlink. */
export class KubeletVolume {
  readonly directory: string;
  #generation = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    this.#generation += 1;
    const data = `..2026_${this.#generation}`;
    await mkdir(join(this.directory, data));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(this.directory, data, name), text);
      await symlink(join('..data', name), join(this.directory, name)).catch(() => {});
    }
    await symlink(data, join(this.directory, '..data_tmp'));
    await rename(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
    const previous = join(this.directory, `..2026_${this.#generation - 1}`);
    await rm(previous, { recursive: true, force: true });
  }
}

/** Waits for something that another part does in its own time. Rejects after five seconds. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, withinMs = 5_000) {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
