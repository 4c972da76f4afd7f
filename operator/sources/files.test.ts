import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { until } from '../testing/until.ts';
import type { Problem } from './documents.ts';
import { FilesSource } from './files.ts';

const policy = (name: string, mode = 'Strict') => `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: ${name}, namespace: shop}
spec: {inbound: {mtls: {mode: ${mode}}}}
`;
const workload = (name: string, port = '18180') => `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: ${name}, namespace: shop}
spec: {serviceAccount: ${name}, ports: [{port: ${port}, appPort: 18181}], admin: {port: 18182}}
`;

/** A folder that is looked at when the test says so. */
class Folder {
  path = '';
  readonly clock = new FakeClock();
  /** names of policies and workloads, as delivered */
  readonly delivered: string[] = [];
  problems: readonly Problem[] = [];
  /** one entry for each time there was news */
  readonly news: string[] = [];
  source!: FilesSource;

  async create(): Promise<void> {
    this.path = await mkdtemp(join(tmpdir(), 'weft-source-'));
    this.source = new FilesSource({
      folder: this.path,
      clock: this.clock,
      onChange: async ({ policies, workloads }) => {
        const modes = policies.map(({ metadata, spec }) => `${metadata.name}:${spec.inbound?.mtls?.mode}`);
        this.delivered.push([...modes, ...workloads.map(({ metadata }) => metadata.name)].join(' '));
      },
      onProblems: (problems, news) => {
        this.problems = problems;
        if (news.length > 0) this.news.push(news.map(({ message }) => message).join('; '));
      },
    });
  }
  /** At once: a file that is looked at while it is being written is news twice. */
  async write(name: string, text: string): Promise<void> {
    const whole = `${this.path}-${name}`;
    await writeFile(whole, text);
    await rename(whole, join(this.path, name));
  }
  /** Looks until it is so. */
  async look(holds: () => boolean): Promise<void> {
    let looking = false;
    await until(() => {
      if (holds()) return true;
      if (!looking) {
        looking = true;
        void this.clock.advance(2_000).then(() => {
          looking = false;
        });
      }
      return false;
    });
  }
  get told(): string[] {
    return this.problems.map(({ file, line, message }) => `${basename(file)}:${line}: ${message}`);
  }
  async remove(): Promise<void> {
    await this.source.stop();
    await rm(this.path, { recursive: true, force: true });
  }
}

let folder: Folder;
beforeEach(async () => {
  folder = new Folder();
  await folder.create();
});
afterEach(() => folder.remove());

describe('a folder of documents', () => {
  it('is delivered whole at the start, what is no YAML by its name left out', async () => {
    await folder.write('b.yml', workload('web'));
    await folder.write('a.yaml', policy('one'));
    await folder.write('.hidden.yaml', policy('hidden'));
    await folder.write('notes.txt', policy('notes'));
    await folder.source.start();
    assert.deepEqual(folder.delivered, ['one:Strict web']);
    assert.deepEqual(folder.problems, []);
  });

  it('that is not there is an error at the start', async () => {
    await rm(folder.path, { recursive: true });
    await assert.rejects(folder.source.start(), { code: 'ENOENT' });
  });

  it('that goes away later is reported, and takes nothing away', async () => {
    await folder.write('a.yaml', policy('one'));
    await folder.source.start();
    await rm(folder.path, { recursive: true });
    await folder.look(() => folder.problems.length > 0);
    assert.match(folder.told[0]!, /ENOENT/);
    assert.deepEqual(folder.delivered, ['one:Strict']);
  });
});

describe('a file', () => {
  beforeEach(async () => {
    await folder.write('a.yaml', `${policy('one')}---\n${workload('web')}`);
    await folder.write('b.yaml', policy('two'));
    await folder.source.start();
  });
  const last = () => folder.delivered.at(-1);

  it('that is no YAML any more keeps what it said, is reported with its line, and is taken once it is right', async () => {
    await folder.write('a.yaml', 'kind: MeshPolicy\nmetadata: {name: [one}\n');
    await folder.look(() => folder.problems.length > 0);
    assert.match(folder.told[0]!, /^a\.yaml:2: /);
    assert.equal(last(), 'one:Strict two:Strict web');
    await folder.write('a.yaml', policy('one', 'Permissive'));
    await folder.look(() => last() === 'one:Permissive two:Strict');
    assert.deepEqual(folder.problems, []);
  });

  it('with one wrong document keeps that one, and takes the others', async () => {
    await folder.write('a.yaml', `${policy('one', 'Permissive')}---\n${workload('web', '"none"')}`);
    await folder.look(() => last() === 'one:Permissive two:Strict web');
    assert.match(folder.told[0]!, /^a\.yaml:\d+: spec\.ports\[0\]\.port/);
  });

  it('tells its problems again when it is written anew, and not when another one is', async () => {
    await folder.write('b.yaml', 'kind: MeshPolcy\n');
    await folder.look(() => folder.news.length === 1);
    await folder.write('c.yaml', policy('three'));
    await folder.look(() => last()?.includes('three:Strict') === true);
    await folder.write('b.yaml', 'kind: MeshPolcy \n');
    await folder.look(() => folder.news.length === 2);
    assert.equal(folder.news[0], folder.news[1]);
  });

  it('that also says what is not ours loses its policies all the same', async () => {
    const foreign = 'apiVersion: v1\nkind: ConfigMap\n';
    await folder.write('b.yaml', `${foreign}---\n${policy('two')}`);
    await folder.look(() => folder.problems.length === 1);
    await folder.write('b.yaml', foreign);
    await folder.look(() => last() === 'one:Strict web');
  });

  it('that is a pipe, a device or a folder by now is reported, is not waited for, and keeps what it said', async () => {
    await rm(join(folder.path, 'a.yaml'));
    execFileSync('mkfifo', [join(folder.path, 'a.yaml')]);
    await symlink('/dev/zero', join(folder.path, 'c.yaml'));
    await mkdir(join(folder.path, 'd.yaml'));
    await folder.look(() => folder.problems.length === 3);
    for (const { message } of folder.problems) assert.match(message, /this is no file/);
    await folder.write('b.yaml', policy('two', 'Permissive'));
    await folder.look(() => last() === 'one:Strict two:Permissive web');
  });

  it('that is removed takes its documents with it', async () => {
    await rm(join(folder.path, 'a.yaml'));
    await folder.look(() => last() === 'two:Strict');
    assert.deepEqual(folder.problems, []);
  });

  it('that is removed while it is wrong takes them too, and the problem', async () => {
    await folder.write('a.yaml', ': [');
    await folder.look(() => folder.problems.length > 0);
    await rm(join(folder.path, 'a.yaml'));
    await folder.look(() => last() === 'two:Strict' && folder.problems.length === 0);
  });

  it('that is renamed says what it said', async () => {
    await rename(join(folder.path, 'a.yaml'), join(folder.path, 'c.yaml'));
    await folder.look(() => folder.delivered.length === 2);
    assert.equal(last(), 'two:Strict one:Strict web');
    assert.deepEqual(folder.problems, []);
  });

  it('that says what another says is reported, and the first counts', async () => {
    await folder.write('c.yaml', `${policy('one', 'Permissive')}---\n${workload('web')}`);
    await folder.look(() => folder.problems.length === 2);
    assert.deepEqual(folder.told, [
      `c.yaml:1: MeshPolicy shop/one is left out: it stands at ${folder.path}/a.yaml:1 already, remove one of them`,
      `c.yaml:6: Workload shop/web is left out: it stands at ${folder.path}/a.yaml:6 already, remove one of them`,
    ]);
    assert.equal(last(), 'one:Strict two:Strict web');
  });

  it('that is too large keeps what it said', async () => {
    await folder.write('b.yaml', `${policy('two', 'Permissive')}#${'x'.repeat(4 * 1024 * 1024)}\n`);
    await folder.look(() => folder.problems.length > 0);
    assert.match(folder.told[0]!, /^b\.yaml:1: larger than/);
    assert.equal(last(), 'one:Strict two:Strict web');
  });

  it('that does not change is not delivered again', async () => {
    await folder.clock.advance(10_000);
    await folder.source.stop();
    assert.equal(folder.delivered.length, 1);
  });
});
