import type { ExplainedDestination, Explanation, Subject } from '../../api/analysis.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, Workload } from '../mesh/model.ts';
import { callersInCommon, explainCallers, explainCommon } from './explain-destination.ts';
import { explainProxies } from './explain-proxies.ts';
import { distinctNotes, notesOnDestination, notesOnProxy } from './policy-notes.ts';
import { portsOf, serviceNamed, workloadsLabelled, workloadsNamed } from './subjects.ts';

/** Pure: what is in force on the subject and why. Throws AnalysisError. @param namespace of names without one */
export function explain(mesh: Mesh, subject: Subject, namespace: string): Explanation {
  switch (subject.type) {
    case 'Workload':
      return ofWorkloads(mesh, workloadsNamed(mesh, subject.name, namespace));
    case 'Selector':
      return ofWorkloads(mesh, workloadsLabelled(mesh, subject.labels, namespace));
    case 'Service':
      return ofService(mesh, serviceNamed(mesh, subject.name, namespace));
    case 'Pair':
      return ofPair(
        mesh,
        workloadsNamed(mesh, subject.from, namespace),
        serviceNamed(mesh, subject.to, namespace),
        subject.port,
      );
  }
}

function ofWorkloads(mesh: Mesh, workloads: readonly Workload[]): Explanation {
  const [first] = workloads;
  const others = workloads.length === 1 ? '' : ` and ${workloads.length - 1} more`;
  return {
    subject: `pod ${first!.key}${others}`,
    proxies: explainProxies(mesh, workloads),
    destinations: [],
    notes: distinctNotes(workloads.flatMap((workload) => notesOnProxy(mesh, workload))),
  };
}

function ofService(mesh: Mesh, service: Service): Explanation {
  const behind = runningBehind(mesh, service);
  const destinations = service.ports.map((port) => explainCommon(mesh, service, port));
  return {
    subject: `Service ${service.key}`,
    proxies: explainProxies(mesh, behind),
    destinations,
    notes: distinctNotes([
      ...behind.flatMap((workload) => notesOnProxy(mesh, workload)),
      ...service.ports.flatMap((port) => notesOnDestination(mesh, service, port, callersInCommon)),
    ]),
  };
}

function ofPair(
  mesh: Mesh,
  callers: readonly Workload[],
  service: Service,
  wanted: number | undefined,
): Explanation {
  const ports = portsOf(service, wanted);
  const behind = runningBehind(mesh, service);
  const destinations: ExplainedDestination[] = ports.flatMap((port) =>
    explainCallers(mesh, callers, service, port),
  );
  return {
    subject: `${callers[0]!.key} → ${service.key}${wanted === undefined ? '' : `:${wanted}`}`,
    proxies: explainProxies(mesh, behind),
    destinations,
    notes: distinctNotes([
      ...ports.flatMap((port) =>
        callers.flatMap((caller) => notesOnDestination(mesh, service, port, caller)),
      ),
      ...behind.flatMap((workload) => notesOnProxy(mesh, workload)),
    ]),
  };
}

function runningBehind(mesh: Mesh, service: Service): Workload[] {
  return mesh.workloadsBehind(service).filter(({ finished }) => !finished);
}
