import { dirname } from 'node:path';
import { findBinary } from './binaries.ts';
import { searchPath } from './command.ts';
import { noProgress } from './progress.ts';

/** The environment in which plain `kubectl` and `helm` talk to this cluster. */
export async function toolsEnvironment(kubeconfigPath: string): Promise<NodeJS.ProcessEnv> {
  const tools = [await findBinary('kubectl', noProgress), await findBinary('helm4')];
  return {
    ...process.env,
    KUBECONFIG: kubeconfigPath,
    PATH: [...tools.map((path) => dirname(path)), searchPath].join(':'),
  };
}
