import { type Static, Type } from 'typebox';

/** What a configuration was compiled from: its content hash, and the generation of every policy in it. */
export const VersionSchema = Type.Object(
  {
    hash: Type.String({ minLength: 1, maxLength: 64 }),
    /** policy uid → metadata.generation */
    policies: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type Version = Static<typeof VersionSchema>;
