import { text } from 'node:stream/consumers';
import type { OneAnswer, OneQuestion } from '../api/injection.ts';
import { admit } from './admit.ts';
import { applyPatch } from './json-patch.ts';
import { readSettings } from './settings.ts';

/**
 * `weft injector one`: a OneQuestion on standard input, its OneAnswer on standard output. Decided by what decides for
 * the API server, so that what is printed is what would be stored.
 */
export async function one(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const question = JSON.parse(await text(input)) as OneQuestion;
  output.write(JSON.stringify(answerTo(question, env)));
}

/** Throws SettingsError. */
export function answerTo(
  { pod, proxyId, trustBundle }: OneQuestion,
  env: Readonly<Record<string, string | undefined>>,
): OneAnswer {
  const { sidecar: settings } = readSettings(env);
  const request = {
    ...{ uid: 'one', operation: 'CREATE', resource: { group: '', resource: 'pods' }, subResource: '' },
    ...{ namespace: '', dryRun: true, object: pod },
  };
  const decision = admit(request, { settings, trustBundle, proxyId });
  if (!decision.allowed) return { type: 'Refused', message: decision.message };
  const { operations, warnings, outcome } = decision;
  if (outcome === 'Unchanged') return { type: 'Unchanged', warnings };
  return { type: 'Injected', pod: applyPatch(pod, operations), warnings };
}
