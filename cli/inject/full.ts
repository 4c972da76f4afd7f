import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { parseAllDocuments, stringify } from 'yaml';
import type { DocumentText } from '../../api/analysis.ts';
import type { OneAnswer, OneQuestion } from '../../api/injection.ts';
import { WEFT } from '../run/weft.ts';
import { UsageError } from '../usage-error.ts';

/** Like YAML's readers in kubectl and helm. */
const VERSION = '1.1';
const SHAPE = 'with --proxy-id give one Pod; templates get their sidecars from the injector, pod by pod';

/** The one pod of the documents, as an object. Throws UsageError. */
export function onlyPod(documents: readonly DocumentText[]): object {
  const objects = documents.flatMap(({ file, text: yaml }) =>
    [...parseAllDocuments(yaml, { version: VERSION })].flatMap((document) => {
      if ('errors' in document && document.errors[0]) {
        throw new UsageError(`${file}: ${document.errors[0].message.split('\n')[0]}`, 'write YAML or JSON');
      }
      const object: unknown = document.toJS();
      return object === null ? [] : [object];
    }),
  );
  const [pod] = objects;
  if (objects.length !== 1 || typeof pod !== 'object' || pod === null) throw new UsageError(SHAPE);
  if ((pod as { kind?: unknown }).kind !== 'Pod') throw new UsageError(SHAPE);
  return pod;
}

/** Has the injector's room inject one pod, as a process of its own: rooms do not import each other. */
export async function injectOne(question: OneQuestion, env: NodeJS.ProcessEnv): Promise<OneAnswer> {
  const [program = '', ...start] = WEFT;
  const child = spawn(program, [...start, 'injector', 'one'], { stdio: ['pipe', 'pipe', 'inherit'], env });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // Should it end before it has read, how it ended says more.
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(question));
  const [answer, code] = await Promise.all([text(child.stdout), ended]);
  if (answer === '') throw new Error(`weft injector one ended with ${code} and no answer`);
  return JSON.parse(answer) as OneAnswer;
}

export function asYaml(pod: unknown): string {
  return stringify(pod, { version: VERSION, lineWidth: 0 });
}
