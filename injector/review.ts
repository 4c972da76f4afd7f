import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Decision } from './admit.ts';

/**
 * AdmissionReview, admission.k8s.io/v1:
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response
 */
const ReviewSchema = Type.Object({
  apiVersion: Type.Literal('admission.k8s.io/v1'),
  kind: Type.Literal('AdmissionReview'),
  request: Type.Object({
    uid: Type.String({ minLength: 1, maxLength: 128 }),
    operation: Type.String(),
    resource: Type.Object({ group: Type.String(), version: Type.String(), resource: Type.String() }),
    subResource: Type.Optional(Type.String()),
    /** the pod's, even where the object does not say */
    namespace: Type.Optional(Type.String()),
    dryRun: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    object: Type.Optional(Type.Unknown()),
  }),
});
const validator = Compile(ReviewSchema);

export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly resource: { readonly group: string; readonly resource: string };
  /** empty: the resource itself */
  readonly subResource: string;
  readonly namespace: string;
  readonly dryRun: boolean;
  readonly object: unknown;
}

/** Returns the request, or what is wrong with the body. */
export function parseReview(body: unknown): AdmissionRequest | string {
  if (!validator.Check(body)) {
    const [first] = validator.Errors(body);
    return `expected an AdmissionReview of admission.k8s.io/v1: ${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`;
  }
  const { request }: Static<typeof ReviewSchema> = body;
  return {
    uid: request.uid,
    operation: request.operation,
    resource: request.resource,
    subResource: request.subResource ?? '',
    namespace: request.namespace ?? '',
    dryRun: request.dryRun === true,
    object: request.object,
  };
}

/** Longer warnings may be cut by the API server, and many are dropped. */
const WARNING_MAX_LENGTH = 250;
const WARNINGS_MAX = 10;

export function reviewResponse(uid: string, decision: Decision): object {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, ...(decision.allowed ? allowed(decision) : denied(decision)) },
  };
}

function allowed({ operations, warnings }: Decision & { allowed: true }): object {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  const texts = warnings.slice(0, WARNINGS_MAX).map((warning) => warning.slice(0, WARNING_MAX_LENGTH));
  return {
    allowed: true,
    ...(operations.length > 0 && { patchType: 'JSONPatch', patch }),
    ...(texts.length > 0 && { warnings: texts }),
  };
}

function denied({ code, message }: Decision & { allowed: false }): object {
  return { allowed: false, status: { code, message } };
}
