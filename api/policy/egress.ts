import { type Static, Type } from 'typebox';
import { notEmpty } from './rules.ts';
import { closed, host, list, portNumber, set } from './scalars.ts';

const HostSchema = closed(
  {
    host: host('A host; `*.` stands for one or more labels.'),
    ports: Type.Optional(set(portNumber('A port.'), 16, 'Any of these ports; absent means any.')),
    tls: Type.Optional(
      Type.Enum(['Originate', 'Passthrough'], {
        description:
          'Originate: the sidecar speaks TLS for the app. Passthrough (when absent): the app’s bytes as they are.',
      }),
    ),
  },
  'A host outside the mesh.',
);

export const EgressSchema = notEmpty(
  closed(
    {
      mode: Type.Optional(
        Type.Enum(['AllowAll', 'AllowListed'], {
          description: 'AllowAll (when absent), or AllowListed: only `hosts`.',
        }),
      ),
      hosts: Type.Optional(list(HostSchema, 64, 'Hosts outside the mesh.')),
    },
    'What the target may reach outside the mesh.',
  ),
);
export type Egress = Static<typeof EgressSchema>;
