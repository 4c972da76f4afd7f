import { containerPorts } from '../../compile/service-ports.ts';
import type { Service } from '../../mesh/model.ts';
import type { Found } from './codes.ts';
import { entryOf, type Inspection, onPolicy, type Sidecar } from './inspection.ts';

/** Who gets in where others are kept out. */

interface Openness {
  readonly service: Service;
  /** ports of the Service where plaintext is accepted, and where everybody may call */
  readonly plaintext: readonly number[];
  readonly unauthorized: readonly number[];
}

/** Only beside Services that are closed: an open mesh is how everybody starts. */
export function openServices(inspection: Inspection): Found[] {
  const { mesh } = inspection;
  const namespaces = new Set(inspection.proxies.map(({ workload }) => workload.namespace));
  return [...namespaces].sort().flatMap((namespace) => {
    const all = mesh.servicesOf(namespace).flatMap((service) => opennessOf(inspection, service) ?? []);
    const strict = all.find(({ plaintext }) => plaintext.length === 0);
    const closed = all.find(({ unauthorized }) => unauthorized.length === 0);
    return all.flatMap((each) => openService(each, strict, closed));
  });
}

/** Undefined: no sidecar is behind it, or it has no ports. */
function opennessOf(inspection: Inspection, service: Service): Openness | undefined {
  const { mesh } = inspection;
  const behind = mesh.workloadsBehind(service).flatMap((workload) => inspection.proxyOf(workload) ?? []);
  if (behind.length === 0 || service.ports.length === 0) return undefined;
  const entries = (port: Service['ports'][number]) =>
    behind.flatMap(({ workload, compiled }) =>
      containerPorts(mesh, service, port, workload).map((number) => entryOf(compiled.config, number)),
    );
  const portsWith = (holds: (entry: ReturnType<typeof entryOf>) => boolean) =>
    service.ports.filter((port) => entries(port).some(holds)).map(({ port }) => port);
  return {
    service,
    plaintext: portsWith(({ mtls }) => mtls === 'Permissive'),
    unauthorized: portsWith(({ authorizationDefault }) => authorizationDefault === 'Allow'),
  };
}

function openService(
  { service, plaintext, unauthorized }: Openness,
  strict: Openness | undefined,
  closed: Openness | undefined,
): Found[] {
  const where = { kind: 'Service', name: service.key } as const;
  const open = plaintext.filter((port) => unauthorized.includes(port));
  const target = `target: {kind: Service, name: ${service.name}}`;
  if (strict !== undefined && open.length > 0) {
    return [
      {
        ...{ severity: 'error', code: 'OpenService', where },
        message: `anybody who reaches port ${open.join(', ')} may call it, in plaintext too, while ${strict.service.key} beside it is Strict`,
        fix: `apply a policy with ${target}, inbound: {mtls: {mode: Strict}, authorization: {default: Deny, rules: […]}}`,
      },
    ];
  }
  if (strict !== undefined && plaintext.length > 0) {
    return [
      {
        ...{ severity: 'warning', code: 'PlaintextAccepted', where },
        message: `port ${plaintext.join(', ')} accepts plaintext, while ${strict.service.key} beside it is Strict`,
        fix: `apply a policy with ${target}, inbound: {mtls: {mode: Strict}}`,
      },
    ];
  }
  if (closed === undefined || unauthorized.length === 0) return [];
  return [
    {
      ...{ severity: 'info', code: 'NobodyDenied', where },
      message: `every caller may call port ${unauthorized.join(', ')}, while ${closed.service.key} beside it says who may`,
      fix: `apply a policy with ${target}, inbound: {authorization: {default: Deny, rules: […]}}`,
    },
  ];
}

/** A door left open while things were moved in. */
export function permissiveLeftovers({ proxies }: Inspection): Found[] {
  return proxies.flatMap(({ compiled }) =>
    compiled.origins.flatMap(({ path, value, origin, lost }) => {
      const strict = lost.find((each) => each.value === 'Strict');
      if (path !== 'inbound.mtls' || value !== 'Permissive' || !origin || !strict) return [];
      return onPolicy({ key: origin.policy }, origin.field, {
        ...{ severity: 'warning', code: 'PermissiveLeftover' },
        message: `accepts plaintext where ${strict.origin.policy} would have Strict`,
        fix: 'remove it once all callers have sidecars: weft_requests_total with mtls="false" says who has none',
      });
    }),
  );
}

/** Connections that no sidecar sees, where policy says that all are to be seen. */
export function skippedPorts({ proxies }: Inspection): Found[] {
  return proxies.flatMap((proxy) =>
    (proxy.workload.skippedInboundPorts ?? []).flatMap((port) => skipped(proxy, port)),
  );
}

function skipped({ workload, compiled }: Sidecar, port: number): Found[] {
  const { mtls, authorizationDefault } = entryOf(compiled.config, port);
  const says = [
    ...(mtls === 'Strict' ? ['Strict'] : []),
    ...(authorizationDefault === 'Deny' ? ['deny by default'] : []),
  ];
  if (says.length === 0) return [];
  return [
    {
      ...{ severity: 'error', code: 'SkippedPort' },
      where: { kind: 'Workload', name: `${workload.namespace}/${workload.app}` },
      message: `connections to port ${port} go past the sidecar, though policy says ${says.join(' and ')} there`,
      fix: `remove ${port} from the annotation weft.dev/skip-inbound-ports and roll the pods out again`,
    },
  ];
}

/** Pods from before their namespace was opted in, or that the webhook did not see. */
export function withoutSidecar({ workloads, read, mesh }: Inspection): Found[] {
  const { injectedNamespaces } = read;
  if (injectedNamespaces === undefined) return [namespacesUnread()];
  return workloads
    .filter(
      ({ key, namespace, proxyId, terminating }) =>
        proxyId === undefined &&
        !terminating &&
        injectedNamespaces.has(namespace) &&
        namespace !== mesh.settings.controlPlaneNamespace &&
        !read.uninjectable.has(key) &&
        !read.refusedPods?.has(key),
    )
    .map(({ namespace, app, name }) => ({
      ...{ severity: 'warning', code: 'NoSidecar' },
      where: { kind: 'Workload', name: `${namespace}/${app}` },
      message: `pod ${name} has no sidecar, though its namespace is opted in`,
      fix: `make it anew: kubectl rollout restart -n ${namespace} deployment/${app}, or what else makes it; where no sidecar is wanted, label the pod weft.dev/inject: disabled`,
    }));
}

/** Namespaces that somebody meant to opt in or out. */
export function mislabelled({ read }: Inspection): Found[] {
  return [...(read.mislabelledNamespaces ?? [])].map(([name, value]) => ({
    ...{ severity: 'warning', code: 'InjectLabelUnknown' },
    where: { kind: 'Namespace', name },
    message: `the namespace has the label weft.dev/inject=${value}, which counts for nothing: only pods that are labelled themselves get a sidecar`,
    fix: `kubectl label --overwrite namespace ${name} weft.dev/inject=enabled, or weft.dev/inject- where none is wanted`,
  }));
}

function namespacesUnread(): Found {
  return {
    ...{ severity: 'info', code: 'NamespacesUnread' },
    where: { kind: 'Installation', name: 'weft' },
    message:
      'you may not list namespaces, so pods without sidecar in those that are opted in were not looked for',
    fix: 'ask for list of namespaces: kubectl auth can-i list namespaces',
  };
}
