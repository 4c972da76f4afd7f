import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commandLine } from './main.ts';

const upgrade = (...args: string[]) =>
  commandLine().parseAsync(['upgrade', 'sidecars', ...args], { from: 'user' });

describe('weft upgrade sidecars', () => {
  for (const [args, words] of [
    [['--parallel', '0'], /--parallel 0 is not valid/],
    [['--parallel', '33'], /--parallel 33 is not valid/],
    [['--parallel', 'many'], /--parallel many is not valid/],
    [['--timeout', '2'], /--timeout 2 is not valid/],
    [['--timeout', '0s'], /--timeout 0s is not valid/],
    [['--timeout', '2h'], /--timeout 2h is not valid/],
    [['--folder', 'examples'], /a mesh without Kubernetes has no images/],
    [['--kubeconfig', '/nowhere'], /the kubeconfig cannot be read/],
  ] as const) {
    it(`refuses ${args.join(' ')}`, async () => {
      await assert.rejects(upgrade(...args), { name: 'UsageError', message: words });
    });
  }
});
