import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import { notEmpty, withRules } from './rules.ts';
import {
  closed,
  headerName,
  host,
  list,
  method,
  name,
  named,
  namespaceName,
  PATTERNS,
  path,
  set,
  text,
} from './scalars.ts';

/** The pattern lets some text through that is no IPv6 address; CEL of Kubernetes 1.29 knows no addresses. */
const ipBlock = (description: string) =>
  withRules(text(PATTERNS.ipBlock, 64, description), [
    {
      message: 'the address is not valid: write a block such as 10.0.0.0/8 or fd00::/8',
      holds: (block) => isIP(block.slice(0, block.indexOf('/'))) !== 0,
    },
  ]);

const SourceFields = closed(
  {
    serviceAccount: Type.Optional(
      text(
        PATTERNS.serviceAccount,
        253,
        'A service account; of this namespace unless `namespace` says otherwise. "*" is any.',
      ),
    ),
    namespace: Type.Optional(namespaceName('The namespace of the caller.')),
    spiffeId: Type.Optional(
      text(PATTERNS.spiffeId, 512, 'The whole SPIFFE ID, for callers of other trust domains.'),
    ),
    ipBlock: Type.Optional(ipBlock('A CIDR block, for callers without identity.')),
  },
  'A caller. `namespace` and `serviceAccount` may stand together; `spiffeId` and `ipBlock` stand alone.',
);
export const SourceSchema = withRules(notEmpty(SourceFields), [
  {
    cel: '!has(self.spiffeId) || (!has(self.serviceAccount) && !has(self.__namespace__) && !has(self.ipBlock))',
    message:
      'spiffeId says everything: remove serviceAccount, namespace and ipBlock, or list them as a caller of their own',
    holds: (from) =>
      from.spiffeId === undefined ||
      (from.serviceAccount === undefined && from.namespace === undefined && from.ipBlock === undefined),
  },
  {
    cel: '!has(self.ipBlock) || (!has(self.serviceAccount) && !has(self.__namespace__))',
    message:
      'ipBlock is for callers without identity: remove serviceAccount and namespace, or list ipBlock as a caller of its own',
    holds: (from) =>
      from.ipBlock === undefined || (from.serviceAccount === undefined && from.namespace === undefined),
  },
]);
export type Source = Static<typeof SourceSchema>;

export const OperationSchema = notEmpty(
  closed(
    {
      methods: Type.Optional(set(method('In capitals: `GET`.'), 16, 'Any of these methods.')),
      paths: Type.Optional(
        set(
          path(
            '`*` is one segment, `**` the rest: `/v1/*` matches /v1/a, not /v1 nor /v1/a/b; `/v1/**` matches all three.',
          ),
          32,
          'Any of these paths.',
        ),
      ),
      hosts: Type.Optional(
        set(
          host(
            '`*.` stands for one or more labels: `*.example.com` matches a.example.com and a.b.example.com, not example.com.',
          ),
          16,
          'Any of these hosts.',
        ),
      ),
      headers: Type.Optional(
        named(
          closed(
            {
              name: headerName('The header.'),
              value: text(PATTERNS.headerValue, 1024, 'Its exact value.'),
            },
            'A header that must be there.',
          ),
          16,
          'All of these headers.',
        ),
      ),
      grpc: Type.Optional(
        closed(
          {
            service: text(PATTERNS.grpcName, 256, 'The full name of the gRPC service.'),
            methods: Type.Optional(
              set(text(PATTERNS.grpcName, 256, 'A gRPC method.'), 32, 'Any of these methods.'),
            ),
          },
          'A gRPC call.',
        ),
      ),
    },
    'An operation. All given fields must match.',
  ),
);
export type Operation = Static<typeof OperationSchema>;

const WhenSchema = closed(
  {
    jwt: closed(
      {
        issuer: text(PATTERNS.httpsUrl, 512, 'The issuer of the token, as listed in `inbound.jwt`.'),
        claims: Type.Optional(
          Type.Record(
            Type.String(),
            set(
              Type.String({ minLength: 1, maxLength: 256, description: 'A value.' }),
              16,
              'Any of these values.',
            ),
            {
              minProperties: 1,
              maxProperties: 16,
              description: 'Claims that all must have one of their values.',
            },
          ),
        ),
      },
      'A token the caller must have.',
    ),
  },
  'A further condition.',
);

export const AuthorizationRuleSchema = closed(
  {
    name: name('The name, unique in the policy; it appears in metrics and logs.'),
    action: Type.Enum(['Allow', 'Deny'], { description: 'Deny rules are looked at first.' }),
    from: Type.Optional(list(SourceSchema, 32, 'Any of these callers; absent means any caller.')),
    to: Type.Optional(list(OperationSchema, 16, 'Any of these operations; absent means any operation.')),
    when: Type.Optional(WhenSchema),
  },
  'A rule matches when `from`, `to` and `when` all match.',
);
export type PolicyRule = Static<typeof AuthorizationRuleSchema>;

export const AuthorizationSchema = withRules(
  closed(
    {
      mode: Type.Optional(
        Type.Enum(['Enforce', 'Audit'], {
          description:
            'Enforce (when absent), or Audit: what would be denied by the rules of this policy is counted and logged, nothing is denied.',
        }),
      ),
      default: Type.Optional(
        Type.Enum(['Allow', 'Deny'], {
          description:
            'What happens when no rule matches. When absent: Deny if the merged rules have an Allow rule, otherwise Allow.',
        }),
      ),
      rules: Type.Optional(
        named(AuthorizationRuleSchema, 64, 'The rules; Deny rules of several policies add up.'),
      ),
    },
    'Who may call.',
  ),
  [
    {
      cel: 'has(self.rules) || has(self.default)',
      message: 'authorization decides nothing yet: set rules, or default: Deny',
      holds: (authorization) => authorization.rules !== undefined || authorization.default !== undefined,
    },
  ],
);
export type Authorization = Static<typeof AuthorizationSchema>;
