import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Answer, MeshSource, Question } from '../../api/analysis.ts';
import { WEFT } from '../run/weft.ts';
import { UsageError } from '../usage-error.ts';

type Told = Exclude<Answer, { readonly type: 'Error' }>;
/** Of a mesh that may have to be found first. */
type Asked = Omit<Question, 'mesh'> & { readonly mesh: MeshSource | Promise<MeshSource> };

/** Whoever waits longer than this is told for what. */
const PATIENCE_MS = 1_000;

/**
 * Has the operator's room answer one question, as a process of its own: rooms do not import each other. Throws
 * UsageError for what was not asked rightly.
 */
export async function ask<T extends Told['type']>(
  wanted: T,
  asked: Asked,
): Promise<Extract<Told, { readonly type: T }>> {
  const mesh = await asked.mesh;
  const question: Question = { ...asked, mesh };
  const where = mesh.type === 'Folder' ? mesh.folder : (mesh.context ?? 'the cluster');
  const notice = setTimeout(() => console.error(`reading the mesh of ${where} …`), PATIENCE_MS);
  try {
    const answer = JSON.parse(await exchange(JSON.stringify(question))) as Answer;
    if (answer.type === 'Error') throw errorOf(answer);
    if (answer.type !== wanted) throw new Error(`weft operator analyze answered with ${answer.type}`);
    return answer as Extract<Told, { readonly type: T }>;
  } finally {
    clearTimeout(notice);
  }
}

async function exchange(question: string): Promise<string> {
  const [program = '', ...start] = WEFT;
  const child = spawn(program, [...start, 'operator', 'analyze'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // Should it end before it has read, how it ended says more.
  child.stdin.on('error', () => {});
  child.stdin.end(question);
  const [answer, code] = await Promise.all([text(child.stdout), ended]);
  if (answer === '') throw new Error(`weft operator analyze ended with ${code} and no answer`);
  return answer;
}

function errorOf({ usage, message, hint }: Extract<Answer, { readonly type: 'Error' }>): Error {
  if (usage) return new UsageError(message, hint);
  return new Error(hint === undefined ? message : `${message}\n${hint}`);
}
