import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import type { Clock } from '../clock.ts';
import { type FileContent, type Problem, readDocuments } from './documents.ts';
import { keyOf, proxyIdOf } from './workload-document.ts';

export interface Documents {
  readonly policies: readonly MeshPolicy[];
  readonly workloads: readonly WorkloadDocument[];
}
export interface FilesSourceOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** all documents there are, whenever something changed */
  readonly onChange: (documents: Documents) => Promise<void>;
  /** all problems there are, whenever they changed */
  readonly onProblems: (problems: readonly Problem[]) => void;
  readonly pollMs?: number;
}

const DEBOUNCE_MS = 50;
/** inotify tells at once, but not on every file system. */
const POLL_MS = 2_000;
const FILES_MAX = 1_000;
const FILE_MAX_BYTES = 4 * 1024 * 1024;
const PROXY_ID_MAX_LENGTH = 63;

/**
 * A folder of YAML, followed. What cannot be read or is not valid is reported, and what was read before stands
 * in its place: a file while it is no YAML, a Workload while it is wrong.
 */
export class FilesSource {
  readonly #options: FilesSourceOptions;
  /** by file name, as of the last time it could be read */
  #files = new Map<string, { readonly stamp: string; readonly content: FileContent }>();
  #reported = '';
  #watcher: FSWatcher | undefined;
  #cancelTimer: () => void = () => {};
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: FilesSourceOptions) {
    this.#options = options;
  }

  /** Resolves when everything there is was delivered; rejects when the folder cannot be read. */
  async start(): Promise<void> {
    await this.#read();
    this.#watch();
    this.#lookAfter(this.#pollMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#watcher?.close();
    await this.#reading;
  }

  get #pollMs(): number {
    return this.#options.pollMs ?? POLL_MS;
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#options.folder, () => this.#lookAfter(DEBOUNCE_MS));
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      this.#watcher = undefined;
    }
  }

  #lookAfter(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      this.#reading = this.#reading
        .then(() => (this.#stopped ? undefined : this.#read()))
        .catch((error: Error) =>
          this.#report([{ file: this.#options.folder, line: 1, message: error.message }]),
        )
        .then(() => this.#lookAfter(this.#pollMs));
    });
  }

  async #read(): Promise<void> {
    const before = this.#files;
    const names = (await readdir(this.#options.folder)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
    const files: typeof before = new Map();
    const problems: Problem[] = [];
    for (const name of names.slice(0, FILES_MAX)) {
      const file = await this.#readFile(name, before.get(name));
      if (file !== undefined) files.set(name, file);
    }
    if (names.length > FILES_MAX) {
      problems.push({
        file: this.#options.folder,
        line: 1,
        message: `only the first ${FILES_MAX} files are read`,
      });
    }
    this.#files = files;
    const documents = collect(files, problems);
    this.#report(problems);
    if (isSame(before, files)) return;
    await this.#options.onChange(documents);
  }

  async #readFile(name: string, before: { stamp: string; content: FileContent } | undefined) {
    const path = join(this.#options.folder, name);
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (before?.stamp === stamp) return before;
      const text = size > FILE_MAX_BYTES ? undefined : await readFile(path, 'utf8');
      return { stamp, content: keepWhatWas(before?.content, parse(text, path)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const problem = { file: path, line: 1, message: (error as Error).message };
      return { stamp: '', content: keepWhatWas(before?.content, { ...NOTHING, problems: [problem] }) };
    }
  }

  #report(problems: readonly Problem[]): void {
    const text = JSON.stringify(problems);
    if (text === this.#reported || (this.#reported === '' && problems.length === 0)) return;
    this.#reported = text;
    this.#options.onProblems(problems);
  }
}

const NOTHING: FileContent = { policies: [], workloads: [], problems: [], isReadable: false };

function parse(text: string | undefined, path: string): FileContent {
  if (text !== undefined) return readDocuments(text, path);
  return { ...NOTHING, problems: [{ file: path, line: 1, message: `larger than ${FILE_MAX_BYTES} bytes` }] };
}

/**
 * An unreadable file keeps all it had. In a readable one with problems, documents that are missing are taken to
 * be the ones that are wrong: better one too many for a moment than a door opened by a typo.
 */
function keepWhatWas(before: FileContent | undefined, now: FileContent): FileContent {
  if (before === undefined || now.problems.length === 0) return now;
  if (!now.isReadable) return { ...before, problems: now.problems };
  return {
    ...now,
    workloads: withMissing(now.workloads, before.workloads),
    policies: withMissing(now.policies, before.policies),
  };
}

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function withMissing<T extends Named>(now: readonly T[], before: readonly T[]): T[] {
  const name = ({ metadata }: Named) => `${metadata.namespace}/${metadata.name}`;
  const names = new Set(now.map(name));
  return [...now, ...before.filter((document) => !names.has(name(document)))];
}

/** The first document of a name counts, in the order of file names. */
function collect(
  files: ReadonlyMap<string, { readonly content: FileContent }>,
  problems: Problem[],
): Documents {
  const policies = new Map<string, MeshPolicy>();
  const workloads = new Map<string, WorkloadDocument>();
  for (const [file, { content }] of files) {
    problems.push(...content.problems);
    for (const policy of content.policies) {
      const key = `${policy.metadata.namespace}/${policy.metadata.name}`;
      if (policies.has(key))
        problems.push({ file, line: 1, message: `MeshPolicy ${key} stands in another document` });
      else policies.set(key, policy);
    }
    for (const workload of content.workloads) {
      const key = keyOf(workload);
      if (workloads.has(key))
        problems.push({ file, line: 1, message: `Workload ${key} stands in another document` });
      else if (proxyIdOf(workload).length > PROXY_ID_MAX_LENGTH) {
        problems.push({
          file,
          line: 1,
          message: `Workload ${key}: namespace and name are too long together`,
        });
      } else workloads.set(key, workload);
    }
  }
  return { policies: [...policies.values()], workloads: [...workloads.values()] };
}

type Files = ReadonlyMap<string, { readonly stamp: string }>;

function isSame(before: Files, after: Files): boolean {
  return (
    before.size === after.size && [...after].every(([name, { stamp }]) => before.get(name)?.stamp === stamp)
  );
}
