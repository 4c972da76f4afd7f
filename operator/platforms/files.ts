import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROTATION_FILE } from '../../api/ca-report.ts';
import { SECRET_DESTINATIONS, SECRET_KEYS } from '../../api/names.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type {
  AcceptedRevision,
  Change,
  EndpointSlice,
  Policy,
  ReferenceGrant,
  Service,
  Workload,
} from '../mesh/model.ts';
import type { Platform, ProxyFiles, StoredRoots } from '../platform.ts';
import type { Documents } from '../sources/collect.ts';
import type { Problem } from '../sources/documents.ts';
import { FilesSource } from '../sources/files.ts';
import { type Ledger, PolicyLedger } from '../sources/policy-ledger.ts';
import { toEndpointSlices, toServices, toWorkload } from '../sources/workload-document.ts';
import { WorkloadEdits } from '../sources/workload-edits.ts';
import { makePrivateFolder, readIfThere, writeAtomically, writeTogether } from './atomic-file.ts';
import { changesBetween } from './changes.ts';
import { loadRootFile, replaceRootFile, storeRootFile } from './root-file.ts';

export interface FilesPlatformOptions {
  /** folder of MeshPolicy, Workload and ReferenceGrant documents */
  readonly folder: string;
  /** folder of the root, the proxies' files and the policies' statuses; made when it is not there */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Without Kubernetes: documents come from one folder, results go to another.
 *
 *     ca.pem                     the roots, keys included
 *     rotation.json              where the rotation of the root is
 *     policies.json              uid and generation of each policy
 *     accepted/<ns>/<name>.json  the last accepted spec of each policy
 *     proxies/<proxy id>/        what the pod's Secret holds, same names, swapped like a mounted Secret
 *     status/<ns>/<name>.json    the status of each policy
 *
 * There is one operator, so it leads. There are no projected tokens: the first identity is in the folder.
 */
export function createFilesPlatform(options: FilesPlatformOptions): Platform {
  const { stateFolder, clock, log } = options;
  const file = (...parts: string[]) => join(stateFolder, ...parts);
  const proxyFolder = (workload: Workload) => file('proxies', workload.proxyId!);
  const policyFile = (kind: string, key: string) => file(kind, `${key}.json`);

  let apply: (changes: readonly Change[]) => void = () => {};
  let known: Objects = { policies: [], workloads: [], services: [], slices: [], grants: [] };
  let ledger = new PolicyLedger({}, () => clock.unixMs());

  const edits = new WorkloadEdits();
  const warn = ({ file: path, line, message }: Problem) =>
    log.warn({ file: path, line }, `${path}:${line}: ${message}`);

  const onChange = async (documents: Documents) => {
    const { policies, removed, changed } = ledger.record(documents.policies);
    if (changed) await writeAtomically(file('policies.json'), JSON.stringify(ledger));
    const objects = {
      policies,
      workloads: documents.workloads.map(toWorkload),
      services: toServices(documents.workloads),
      slices: toEndpointSlices(documents.workloads),
      grants: documents.grants,
    };
    const changes = changesBetween(known, objects);
    known = objects;
    apply(changes);
    for (const problem of edits.look(documents.workloads)) warn(problem);
    for (const key of removed) {
      log.warn({ policy: key }, `policy ${key} was removed: what it closed is open now`);
      for (const kind of ['status', 'accepted']) await rm(policyFile(kind, key), { force: true });
    }
  };
  const source = new FilesSource({
    folder: options.folder,
    clock,
    onChange,
    onProblems(problems, news) {
      if (problems.length === 0) log.info({}, 'all documents are valid again');
      news.forEach(warn);
    },
  });

  return {
    leadership: { isLeader: true, identity: undefined, leader: undefined, onChange: () => {} },

    async start(deliver) {
      apply = deliver;
      await makePrivateFolder(stateFolder);
      ledger = new PolicyLedger(parseLedger(await readIfThere(file('policies.json'))), () => clock.unixMs());
      await source.start();
      apply(await acceptedChanges(known.policies, (key) => readIfThere(policyFile('accepted', key))));
    },
    stop: () => source.stop(),

    loadRoot: () => loadRootFile(file('ca.pem')),
    createRoot: (roots: StoredRoots) => storeRootFile(file('ca.pem'), roots),
    replaceRoots: (roots: StoredRoots) => replaceRootFile(file('ca.pem'), roots),
    async publishRotation(report) {
      if ((await readIfThere(file(ROTATION_FILE))) !== report)
        await writeAtomically(file(ROTATION_FILE), report);
    },

    async writeProxy(workload, files) {
      const before = await readProxyFolder(proxyFolder(workload));
      if (before !== undefined && isSame(before, files)) return;
      await writeTogether(
        proxyFolder(workload),
        `..${clock.unixMs()}-${Math.random().toString(36).slice(2)}`,
        {
          [SECRET_KEYS.config]: files.config,
          [SECRET_KEYS.certificate]: files.certificate,
          [SECRET_KEYS.privateKey]: files.privateKey,
          [SECRET_KEYS.trustBundle]: files.trustBundle,
          ...(files.destinations && { [SECRET_DESTINATIONS]: files.destinations }),
        },
      );
    },
    readProxy: (workload) => readProxyFolder(proxyFolder(workload)),
    removeProxy: (workload) => rm(proxyFolder(workload), { recursive: true, force: true }),

    writeStatus: (policy, status) =>
      writeAtomically(policyFile('status', policy.key), `${JSON.stringify(status, undefined, 2)}\n`),
    async storeAccepted(revision) {
      await writeAtomically(policyFile('accepted', revision.key), JSON.stringify(revision));
      apply([{ kind: 'AcceptedRevision', key: revision.key, value: revision }]);
    },
    async recordEvent({ about, type, reason, message }) {
      const { kind, namespace, name } = about;
      const subject = `${kind === 'Pod' ? 'Workload' : kind} ${namespace}/${name}`;
      // Of a policy the status says it too.
      const level = type === 'Warning' && kind === 'Pod' ? 'warn' : 'info';
      log[level]({ kind, namespace, name, type, reason }, `${subject}: ${message}`);
    },
    reviewToken: async () => undefined,
  };
}

export interface Objects {
  readonly policies: readonly Policy[];
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly grants: readonly ReferenceGrant[];
}

function parseLedger(text: string | undefined): Ledger {
  return text === undefined ? {} : (JSON.parse(text) as Ledger);
}

async function acceptedChanges(
  policies: readonly Policy[],
  read: (key: string) => Promise<string | undefined>,
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const { key } of policies) {
    const text = await read(key);
    if (text !== undefined) {
      changes.push({ kind: 'AcceptedRevision', key, value: JSON.parse(text) as AcceptedRevision });
    }
  }
  return changes;
}

async function readProxyFolder(folder: string): Promise<ProxyFiles | undefined> {
  const read = (name: string) => readIfThere(join(folder, name));
  const config = await read(SECRET_KEYS.config);
  const certificate = await read(SECRET_KEYS.certificate);
  const privateKey = await read(SECRET_KEYS.privateKey);
  const trustBundle = await read(SECRET_KEYS.trustBundle);
  if (!config || !certificate || !privateKey || !trustBundle) return undefined;
  return { config, certificate, privateKey, trustBundle };
}

function isSame(a: ProxyFiles, b: ProxyFiles): boolean {
  const { config, certificate, privateKey, trustBundle } = a;
  return (
    config === b.config &&
    certificate === b.certificate &&
    privateKey === b.privateKey &&
    trustBundle === b.trustBundle
  );
}
