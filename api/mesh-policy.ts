import { type Static, Type } from 'typebox';
import { EgressSchema } from './policy/egress.ts';
import { InboundSchema } from './policy/inbound.ts';
import { withRules } from './policy/rules.ts';
import { closed, namespaceName } from './policy/scalars.ts';
import { MeshPolicyStatusSchema } from './policy/status.ts';
import { TargetRefsSchema, TargetSchema } from './policy/target.ts';
import { TelemetrySchema } from './policy/telemetry.ts';
import { TrafficSchema } from './policy/traffic.ts';

export type { Authorization, Operation, PolicyRule, Source } from './policy/authorization.ts';
export type { Egress } from './policy/egress.ts';
export type { Inbound, RateLimit } from './policy/inbound.ts';
export type { Route } from './policy/routes.ts';
export type { MeshPolicyStatus } from './policy/status.ts';
export type { Selector, Target, TargetKind } from './policy/target.ts';
export type { Telemetry } from './policy/telemetry.ts';
export type { Traffic } from './policy/traffic.ts';

/** CEL: the kind the policy is about. */
const KIND =
  "(has(self.target) ? self.target.kind : has(self.targetRefs) ? self.targetRefs[0].kind : 'Namespace')";

interface Targeted {
  readonly target?: { readonly kind: string };
  readonly targetRefs?: readonly { readonly kind: string }[];
}
/** The kind a policy is about: without `target`, its own namespace. */
export function targetKind(spec: Targeted): string {
  return spec.target?.kind ?? spec.targetRefs?.[0]?.kind ?? 'Namespace';
}

const SpecFields = closed(
  {
    target: Type.Optional(TargetSchema),
    targetRefs: Type.Optional(TargetRefsSchema),
    enforcement: Type.Optional(
      Type.Enum(['Default', 'Mandatory'], {
        description:
          'Default (when absent): a more specific policy may say otherwise. Mandatory (only in the control plane’s namespace): nothing more specific weakens it.',
      }),
    ),
    inbound: Type.Optional(InboundSchema),
    traffic: Type.Optional(TrafficSchema),
    egress: Type.Optional(EgressSchema),
    telemetry: Type.Optional(TelemetrySchema),
  },
  'What is wanted.',
);

/** Nothing here has a default: defaults apply after merging. Every field that may be absent is optional. */
export const MeshPolicySpecSchema = withRules(SpecFields, [
  {
    cel: 'has(self.inbound) || has(self.traffic) || has(self.egress) || has(self.telemetry)',
    message: 'the policy says nothing: set at least one of inbound, traffic, egress, telemetry',
    holds: (spec) =>
      [spec.inbound, spec.traffic, spec.egress, spec.telemetry].some((part) => part !== undefined),
  },
  {
    cel: '!has(self.target) || !has(self.targetRefs)',
    message: 'set target or targetRefs, not both',
    holds: (spec) => spec.target === undefined || spec.targetRefs === undefined,
  },
  {
    cel: `!has(self.traffic) || !has(self.traffic.to) || ${KIND} in ['Workload', 'Namespace']`,
    message:
      'traffic.to is for targets of kind Workload and Namespace: remove it; a Service policy is about that Service',
    holds: (spec) => spec.traffic?.to === undefined || ['Workload', 'Namespace'].includes(targetKind(spec)),
  },
  {
    cel: `!has(self.traffic) || has(self.traffic.to) || ${KIND} != 'Workload'`,
    message:
      'traffic of a Workload target needs to: write traffic: {to: [{service: payments}]}, or target the Service',
    holds: (spec) =>
      spec.traffic === undefined || spec.traffic.to !== undefined || targetKind(spec) !== 'Workload',
  },
  {
    cel: `!has(self.traffic) || !has(self.traffic.routes) || has(self.traffic.to) || ${KIND} == 'Service'`,
    message:
      'routes belong to one destination: target a Service, or name it with traffic: {to: [{service: payments}]}',
    holds: (spec) =>
      spec.traffic?.routes === undefined || spec.traffic.to !== undefined || targetKind(spec) === 'Service',
  },
]);
export type MeshPolicySpec = Static<typeof MeshPolicySpecSchema>;

const NameSchema = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
});
/** Open: the API server judges what else stands in metadata. */
const MetadataSchema = Type.Object(
  {
    name: NameSchema,
    namespace: Type.Optional(namespaceName('Its namespace.')),
    uid: Type.Optional(Type.String()),
    generation: Type.Optional(Type.Integer({ minimum: 0 })),
    creationTimestamp: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { additionalProperties: true },
);

export const MeshPolicySchema = Type.Object(
  {
    apiVersion: Type.Enum(['weft.dev/v1alpha1']),
    kind: Type.Enum(['MeshPolicy']),
    metadata: MetadataSchema,
    spec: MeshPolicySpecSchema,
    status: Type.Optional(MeshPolicyStatusSchema),
  },
  { additionalProperties: false },
);
export type MeshPolicy = Static<typeof MeshPolicySchema>;
