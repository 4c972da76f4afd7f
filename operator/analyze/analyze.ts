import { text } from 'node:stream/consumers';
import type { Answer, Question } from '../../api/analysis.ts';
import { describeError } from '../log.ts';
import { AnalysisError } from './analysis-error.ts';
import { answer } from './answer.ts';
import { readMesh } from './read-mesh.ts';

/**
 * `weft operator analyze`: answers one question about the mesh and ends. For the CLI, which may not import this
 * room. Resolves with the exit code: 0 answered, 1 could not; either way stdout holds an Answer.
 */
export async function analyze(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<number> {
  const found = await answerTo(await text(input));
  // The process ends right after: a pipe takes long answers piece by piece.
  await new Promise<void>((resolve) => output.write(JSON.stringify(found), () => resolve()));
  return found.type === 'Error' ? 1 : 0;
}

async function answerTo(asked: string): Promise<Answer> {
  try {
    // Written by the CLI of the same version.
    const question = JSON.parse(asked) as Question;
    return answer(question, await readMesh(question.mesh), Date.now());
  } catch (error) {
    if (!(error instanceof AnalysisError))
      return { type: 'Error', usage: false, message: describeError(error) };
    const { usage, message, hint } = error;
    return { type: 'Error', usage, message, ...(hint !== undefined && { hint }) };
  }
}
