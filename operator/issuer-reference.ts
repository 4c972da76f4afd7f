/** An issuer of cert-manager, as its `issuerRef` names one. */
export interface IssuerReference {
  readonly kind: string;
  readonly name: string;
  readonly group: string;
}

export const CERT_MANAGER_GROUP = 'cert-manager.io';
const KINDS_OF_CERT_MANAGER = ['ClusterIssuer', 'Issuer'];
const LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;

/** Reads `ClusterIssuer/mesh-ca`. Returns a text that says what is wrong with it otherwise. */
export function parseIssuer(text: string, group: string): IssuerReference | string {
  const [kind = '', name = '', ...more] = text.split('/');
  if (!KIND.test(kind) || !NAME.test(name) || name.length > 253 || more.length > 0) {
    return '--issuer must be a kind and a name, such as ClusterIssuer/mesh-ca';
  }
  if (!NAME.test(group)) return '--issuer-group must be an API group, such as cert-manager.io';
  if (group === CERT_MANAGER_GROUP && !KINDS_OF_CERT_MANAGER.includes(kind)) {
    return `--issuer: of ${CERT_MANAGER_GROUP} there are ${KINDS_OF_CERT_MANAGER.join(' and ')}, not ${kind}`;
  }
  return { kind, name, group };
}

/** For people. */
export function issuerName({ kind, name, group }: IssuerReference): string {
  return group === CERT_MANAGER_GROUP ? `${kind}/${name}` : `${kind}.${group}/${name}`;
}
