import { IssuerError, quoted } from '../identity/issuer-error.ts';
import type { SignedAnswer } from '../identity/signed-answer.ts';
import type { KubernetesObject } from './objects.ts';

/** Of cert-manager.io/v1, as far as it is read: none of it is trusted to have its shape. */
export interface CertificateRequestObject extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type?: string;
      readonly status?: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    /** base64 of PEM */
    readonly certificate?: string;
    readonly ca?: string;
  };
}

/**
 * What has become of a request; undefined: nothing yet. Throws IssuerError for one that was denied or has failed.
 * Source: https://cert-manager.io/docs/usage/certificaterequest/#conditions
 */
export function answerOf({ status }: CertificateRequestObject): SignedAnswer | undefined {
  const conditions = conditionsOf(status);
  const isTrue = (type: string) => conditions.find((each) => each?.type === type && each.status === 'True');
  const ready = conditions.find((each) => each?.type === 'Ready');
  const denied = isTrue('Denied');
  if (denied !== undefined || ready?.reason === 'Denied') {
    throw new IssuerError('Denied', `the request was denied: ${quoted((denied ?? ready)?.message)}`);
  }
  const invalid = isTrue('InvalidRequest');
  if (invalid !== undefined || ready?.reason === 'Failed') {
    throw new IssuerError('Failed', `the issuer has failed: ${quoted((invalid ?? ready)?.message)}`);
  }
  if (ready?.status !== 'True' || typeof status?.certificate !== 'string') return undefined;
  const ca = typeof status.ca === 'string' ? status.ca : '';
  return { certificate: decode(status.certificate), ca: decode(ca) };
}

/** Why there is no answer yet, as far as the request tells. */
export function pendingReason({ status }: CertificateRequestObject): string {
  const conditions = conditionsOf(status);
  if (conditions.length === 0) return 'nobody has looked at the request: does cert-manager run?';
  const ready = conditions.find((each) => each?.type === 'Ready');
  if (ready?.message) return `it says: ${quoted(ready.message)}`;
  const isApproved = conditions.some((each) => each?.type === 'Approved' && each.status === 'True');
  return isApproved
    ? 'the request is approved, and no issuer has taken it up'
    : 'the request was neither approved nor denied';
}

function conditionsOf(status: CertificateRequestObject['status']) {
  return Array.isArray(status?.conditions) ? status.conditions : [];
}

const decode = (text: string) => Buffer.from(text, 'base64').toString('utf8');
