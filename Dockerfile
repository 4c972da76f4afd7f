# The one image of Weft: operator, injector, sidecar, init and the command line.
# The build stage makes dist/ (see build.ts); the final image holds nothing of npm.

FROM docker.io/library/node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No package's install script runs: koffi and esbuild bring their binaries as packages.
RUN npm ci --ignore-scripts
COPY . .
RUN node build.ts && rm dist/meta.json

FROM docker.io/library/debian:bookworm-slim
LABEL org.opencontainers.image.title="weft" \
      org.opencontainers.image.description="Weft, a service mesh for Kubernetes: operator, injector, sidecar, init and command line" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# The init container writes its rules with iptables and adds ::6 to lo with ip.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables iproute2 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc /usr/share/man
# For exec and preStop hooks: the root file system of our containers is read-only, so it has to be there.
RUN printf '#!/bin/sh\nexec /usr/local/bin/node /opt/weft/weft.js "$@"\n' > /usr/local/bin/weft \
 && chmod 0755 /usr/local/bin/weft
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/dist/ /opt/weft/
ENV NODE_ENV=production
WORKDIR /opt/weft
# The proxy's user id, which the redirection rules exempt. The init container runs as root by its pod spec.
USER 15015:15015
ENTRYPOINT ["/usr/local/bin/node", "/opt/weft/weft.js"]
CMD ["--help"]
