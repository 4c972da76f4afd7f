/** What `weft operator --help` prints. */
export const USAGE = `Usage: weft operator [flags]

Watches policies, pods and Services, and gives every sidecar its configuration and identity: over the push
stream, and in a Secret of its pod. In Kubernetes unless --files is given.

  --trust-domain NAME              first part of every identity (cluster.local)
  --control-plane-namespace NAME   namespace of the operator (weft-system)
  --certificate-lifetime DURATION  of sidecars' certificates, at least 10m (24h)
  --root-lifetime DURATION         of the root, at least ten times that (87600h)
  --rotate-root-after PART         of the root's lifetime, after which the next one is made (0.8)
  --issuer KIND/NAME               of cert-manager, who signs instead: ClusterIssuer/mesh-ca
  --issuer-group GROUP             its API group (cert-manager.io)
  --stream-address HOST:PORT       where the stream is served (:15010; with --files 127.0.0.1:15010)
  --health-address HOST:PORT       /healthz, /readyz and /metrics (:15021; with --files off)
  --advertise-address HOST:PORT    the stream as sidecars reach it
  --jwks-ca-file FILE              PEM of roots that servers of JSON Web Key Sets may have, beside the public ones
  --log-level LEVEL                debug, info, warn or error (info)

Without Kubernetes:
  --files FOLDER                   YAML of MeshPolicy and Workload documents, followed
  --state FOLDER                   the roots, the proxies' files and the policies' statuses

Each flag is also a variable, WEFT_TRUST_DOMAIN for --trust-domain; the flag wins.
`;
