import { type Static, Type } from 'typebox';
import { closed, integer } from './scalars.ts';

/** Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties */
const ConditionSchema = closed(
  {
    type: Type.String({
      minLength: 1,
      maxLength: 316,
      description:
        'Accepted: the policy is valid here. ResolvedRefs: the Service and the ports it names exist. InForce: every targeted proxy holds it. Conflicted: another policy set the same field and won.',
    }),
    status: Type.Enum(['True', 'False', 'Unknown'], { description: 'Whether it is so.' }),
    reason: Type.String({ minLength: 1, maxLength: 1024, description: 'One word, for programs.' }),
    message: Type.String({ maxLength: 32768, description: 'For people.' }),
    observedGeneration: Type.Optional(
      Type.Integer({ minimum: 0, description: 'The generation that was judged.' }),
    ),
    lastTransitionTime: Type.String({
      format: 'date-time',
      maxLength: 64,
      description: 'When `status` changed last.',
    }),
  },
  'A condition.',
);

const proxyCount = (description: string) => integer(0, 10_000_000, description);

export const MeshPolicyStatusSchema = closed(
  {
    observedGeneration: Type.Optional(
      Type.Integer({ minimum: 0, description: 'The generation this status is about.' }),
    ),
    conditions: Type.Optional(
      Type.Array(ConditionSchema, {
        maxItems: 8,
        description: 'Accepted, ResolvedRefs, InForce, Conflicted.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    ),
    proxies: Type.Optional(
      closed(
        {
          targeted: proxyCount('Ready proxies the policy is about.'),
          inForce: proxyCount('Proxies that hold the generation in force.'),
          lagging: proxyCount('Proxies that do not yet.'),
          refused: proxyCount('Proxies that refused it.'),
        },
        'Where the policy is in force.',
      ),
    ),
    laggards: Type.Optional(
      Type.Array(
        closed(
          {
            pod: Type.String({ maxLength: 512, description: 'The pod.' }),
            since: Type.String({ format: 'date-time', maxLength: 64, description: 'Since when.' }),
            reason: Type.String({ maxLength: 1024, description: 'Why.' }),
          },
          'A proxy that lags or refuses.',
        ),
        {
          maxItems: 5,
          description: 'At most five proxies that lag or refuse.',
          'x-kubernetes-list-type': 'atomic',
        },
      ),
    ),
  },
  'What the operator saw.',
);
export type MeshPolicyStatus = Static<typeof MeshPolicyStatusSchema>;
