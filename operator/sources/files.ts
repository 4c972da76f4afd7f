import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { collect, type Documents } from './collect.ts';
import { type FileContent, type Problem, readDocuments } from './documents.ts';
import { type Keyed, keyOf } from './workload-document.ts';

export interface FilesSourceOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** all documents there are, whenever something changed */
  readonly onChange: (documents: Documents) => Promise<void>;
  /**
   * All problems there are, whenever they changed; `news` are those that were not there before, or whose file
   * was written anew: whoever tries again and fails again is told again.
   */
  readonly onProblems: (problems: readonly Problem[], news: readonly Problem[]) => void;
  readonly pollMs?: number;
}

const DEBOUNCE_MS = 50;
/** inotify tells at once, but not on every file system. */
const POLL_MS = 2_000;
const FILES_MAX = 1_000;
const FILE_MAX_BYTES = 4 * 1024 * 1024;

/**
 * A folder of YAML, followed. What cannot be read or is not valid is reported, and what was read before stands
 * in its place: a file while it is no YAML, a Workload while it is wrong.
 */
export class FilesSource {
  readonly #options: FilesSourceOptions;
  /** by file name, as of the last time it could be read */
  #files = new Map<string, { readonly stamp: string; readonly content: FileContent }>();
  #reported: ReadonlySet<string> = new Set();
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
          this.#report([{ file: this.#options.folder, line: 1, message: error.message }], new Set()),
        )
        .then(() => this.#lookAfter(this.#pollMs));
    });
  }

  async #read(): Promise<void> {
    const before = this.#files;
    const names = (await readdir(this.#options.folder)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
    const files: typeof before = new Map();
    for (const name of names.slice(0, FILES_MAX)) {
      const file = await this.#readFile(name, before.get(name));
      if (file !== undefined) files.set(name, file);
    }
    const { problems, ...documents } = collect([...files.values()].map(({ content }) => content));
    if (names.length > FILES_MAX) {
      const message = `only the first ${FILES_MAX} files are read: merge some`;
      problems.push({ file: this.#options.folder, line: 1, message });
    }
    this.#files = files;
    this.#report(problems, this.#writtenSince(before));
    if (isSame(before, files)) return;
    await this.#options.onChange(documents);
  }

  async #readFile(name: string, before: { stamp: string; content: FileContent } | undefined) {
    const path = join(this.#options.folder, name);
    try {
      const found = await stat(path);
      const { mtimeMs, size, ino } = found;
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (before?.stamp === stamp) return before;
      // A pipe keeps whoever reads it waiting, and a device may have no end.
      if (!found.isFile()) throw new Error('this is no file: put a file or a link to one in its place');
      const text = size > FILE_MAX_BYTES ? undefined : await readFile(path, 'utf8');
      return { stamp, content: keepWhatWas(before?.content, parse(text, path)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const problem = { file: path, line: 1, message: (error as Error).message };
      return { stamp: '', content: keepWhatWas(before?.content, { ...NOTHING, problems: [problem] }) };
    }
  }

  /** Paths. */
  #writtenSince(before: Files): Set<string> {
    const written = [...this.#files].filter(([name, { stamp }]) => before.get(name)?.stamp !== stamp);
    return new Set(written.map(([name]) => join(this.#options.folder, name)));
  }

  #report(problems: readonly Problem[], written: ReadonlySet<string>): void {
    const before = this.#reported;
    const now = new Set(problems.map(textOf));
    const news = problems.filter((problem) => written.has(problem.file) || !before.has(textOf(problem)));
    this.#reported = now;
    if (news.length > 0 || now.size !== before.size) this.#options.onProblems(problems, news);
  }
}

const NOTHING: FileContent = { policies: [], workloads: [], grants: [], problems: [], isReadable: false };

function parse(text: string | undefined, path: string): FileContent {
  if (text !== undefined) return readDocuments(text, path);
  return {
    ...NOTHING,
    problems: [{ file: path, line: 1, message: `larger than ${FILE_MAX_BYTES} bytes: split the file` }],
  };
}

/**
 * An unreadable file keeps all it had. In a readable one with problems, documents that are missing are taken to
 * be the ones that are wrong: better one too many for a moment than a door opened by a typo.
 */
function keepWhatWas(before: FileContent | undefined, now: FileContent): FileContent {
  if (before === undefined || now.problems.every(({ isForeign }) => isForeign)) return now;
  if (!now.isReadable) return { ...before, problems: now.problems };
  return {
    ...now,
    workloads: withMissing(now.workloads, before.workloads),
    policies: withMissing(now.policies, before.policies),
    grants: withMissing(now.grants, before.grants),
  };
}

function withMissing<T extends Keyed>(now: readonly T[], before: readonly T[]): T[] {
  const keys = new Set(now.map(keyOf));
  return [...now, ...before.filter((document) => !keys.has(keyOf(document)))];
}

function textOf({ file, line, message }: Problem): string {
  return `${file}:${line}: ${message}`;
}

type Files = ReadonlyMap<string, { readonly stamp: string }>;

function isSame(before: Files, after: Files): boolean {
  return (
    before.size === after.size && [...after].every(([name, { stamp }]) => before.get(name)?.stamp === stamp)
  );
}
