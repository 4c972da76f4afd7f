import type { Question } from '../access/access.ts';
import type { MeshedPod } from './meshed-pod.ts';

/** What an upgrade does to a cluster, and its clock. */
export interface UpgradePorts {
  /** As it is now; undefined: it is gone, or is going. */
  look(pod: MeshedPod): Promise<MeshedPod | undefined>;
  /** Of the sidecar alone. With `dryRun` the API server says whether it would, and does nothing. Of a pod that is gone nothing. */
  setImage(pod: MeshedPod, image: string, dryRun: boolean): Promise<void>;
  /** Of the sidecar's admin socket. */
  ask(pod: MeshedPod, question: Question): Promise<unknown>;
  readonly nowMs: () => number;
  readonly delay: (ms: number) => Promise<unknown>;
}
