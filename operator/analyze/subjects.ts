import { closest } from '../../api/closest.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';
import { AnalysisError } from './analysis-error.ts';

/** What people name → what the mesh has. A name without namespace is of the given one. All throw AnalysisError. */

export function keyOf(name: string, namespace: string): string {
  return name.includes('/') ? name : `${namespace}/${name}`;
}

/** The pod of that name, otherwise all pods of the app of that name. */
export function workloadsNamed(mesh: Mesh, name: string, namespace: string): Workload[] {
  const key = keyOf(name, namespace);
  const one = mesh.workload(key);
  if (one !== undefined) return [one];
  const of = key.slice(0, key.indexOf('/'));
  const candidates = mesh.workloadsOf(of).filter(({ finished }) => !finished);
  const ofApp = candidates.filter(({ app }) => `${of}/${app}` === key);
  if (ofApp.length > 0) return ofApp;
  const known = candidates.flatMap((each) => [each.key, `${of}/${each.app}`]);
  throw nothing(`there is no pod and no app ${key}`, key, known);
}

export function workloadsLabelled(
  mesh: Mesh,
  labels: Readonly<Record<string, string>>,
  namespace: string,
): Workload[] {
  const found = mesh.workloadsSelected(namespace, labels).filter(({ finished }) => !finished);
  if (found.length > 0) return found;
  const text = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const hint = `kubectl get pods -n ${namespace} -l ${text.join(',')} shows what the selector finds; -n names another namespace`;
  throw new AnalysisError(`no pod of namespace ${namespace} has ${text.join(', ')}`, { usage: true, hint });
}

export function serviceNamed(mesh: Mesh, name: string, namespace: string): Service {
  const key = keyOf(name, namespace);
  const service = mesh.service(key);
  if (service !== undefined) return service;
  const of = key.slice(0, key.indexOf('/'));
  throw nothing(
    `there is no Service ${key}`,
    key,
    mesh.servicesOf(of).map((each) => each.key),
  );
}

/** @param port undefined: all */
export function portsOf(service: Service, port: number | undefined): readonly ServicePort[] {
  if (port === undefined) return service.ports;
  const found = service.ports.filter((each) => each.port === port);
  if (found.length > 0) return found;
  const known = service.ports.map((each) => each.port).join(', ') || 'none';
  throw new AnalysisError(`Service ${service.key} has no port ${port}`, {
    usage: true,
    hint: `its ports are ${known}`,
  });
}

const SHOWN_MAX = 8;

function nothing(message: string, key: string, known: readonly string[]): AnalysisError {
  const all = [...new Set(known)].sort();
  const meant = closest(key, all);
  const namespace = key.slice(0, key.indexOf('/'));
  const shown = all.slice(0, SHOWN_MAX).join(', ') + (all.length > SHOWN_MAX ? ', …' : '');
  const hint =
    all.length === 0 ? `namespace ${namespace} has none at all; -n names another` : `there are ${shown}`;
  return new AnalysisError(message, {
    usage: true,
    hint: meant === undefined ? hint : `did you mean ${meant}?`,
  });
}
