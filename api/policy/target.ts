import { type Static, Type } from 'typebox';
import { withRules } from './rules.ts';
import { closed, list, name, PATTERNS, portNameOrNumber, set } from './scalars.ts';

export const SelectorSchema = closed(
  {
    matchLabels: Type.Record(Type.String(), Type.String({ maxLength: 63, pattern: PATTERNS.labelValue }), {
      minProperties: 1,
      maxProperties: 16,
      description: 'Labels that all must be equal.',
    }),
  },
  'Selects pods by their labels.',
);
export type Selector = Static<typeof SelectorSchema>;

export const TargetSchema = withRules(
  closed(
    {
      kind: Type.Enum(['Mesh', 'Namespace', 'Workload', 'Service'], {
        description:
          'Mesh: every pod of the mesh (only in the control plane’s namespace). Namespace: every pod of this namespace. Workload: the pods that `selector` names. Service: the pods behind a Service.',
      }),
      name: Type.Optional(name('Service only: its name, in this namespace.')),
      selector: Type.Optional(SelectorSchema),
      ports: Type.Optional(
        set(
          portNameOrNumber('A container port, by number or name.'),
          16,
          'Container ports; absent means all. A policy with ports outranks one without.',
        ),
      ),
    },
    'What the policy is about. Without a target the policy is about its own namespace, as with kind Namespace.',
  ),
  [
    {
      cel: "self.kind != 'Service' || has(self.name)",
      message: 'target.kind Service needs a name: write {kind: Service, name: payments}',
      holds: (target) => target.kind !== 'Service' || target.name !== undefined,
    },
    {
      cel: "self.kind == 'Service' || !has(self.name)",
      message:
        'target.name is for kind Service only: remove it, or write kind: Service; a Namespace policy is about its own namespace',
      holds: (target) => target.kind === 'Service' || target.name === undefined,
    },
    {
      cel: "self.kind != 'Workload' || has(self.selector)",
      message:
        'target.kind Workload needs a selector: write {kind: Workload, selector: {matchLabels: {app: payments}}}',
      holds: (target) => target.kind !== 'Workload' || target.selector !== undefined,
    },
    {
      cel: "self.kind == 'Workload' || !has(self.selector)",
      message: 'target.selector is for kind Workload only: remove it, or write kind: Workload',
      holds: (target) => target.kind === 'Workload' || target.selector === undefined,
    },
  ],
);
export type Target = Static<typeof TargetSchema>;
export type TargetKind = Target['kind'];

export const TargetRefsSchema = withRules(
  list(TargetSchema, 16, 'Several targets of one kind, instead of `target`.'),
  [
    {
      cel: 'self.all(ref, ref.kind == self[0].kind)',
      message: 'targetRefs must all be of one kind: write one policy for each kind',
      holds: (refs) => refs.every((ref) => ref.kind === refs[0]?.kind),
    },
  ],
);
