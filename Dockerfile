# The standalone forwarder; with `--target examples` the two example services of compose.yaml.
#
#   docker build -t demitter-forwarder .
#   docker run --rm --publish 5555:5555 --publish 5556:5556 demitter-forwarder
#
# docs/docker.md describes the image, test/container/verify.sh builds and runs it for real.

# Node's long-term support release on Debian stable. glibc: zeromq ships a binary for it, on amd64 and on arm64.
FROM node:24-trixie-slim AS base
WORKDIR /app


FROM base AS npm
ENV NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false NPM_CONFIG_UPDATE_NOTIFIER=false
COPY package.json package-lock.json ./


FROM npm AS dependencies
# No install scripts: zeromq comes with its binaries, nothing is compiled.
RUN npm ci --omit=dev --ignore-scripts
# Of zeromq's binaries for all systems only the one stays that this system loads. Loading it once more proves it.
RUN loaded='require("zeromq"); process.report.getReport().sharedObjects.find((path) => path.endsWith("/addon.node"))' \
  && used="$(node --print "${loaded}")" \
  && find /app/node_modules/zeromq/build -name '*.node' ! -path "${used}" -delete \
  && find /app/node_modules/zeromq/build -type d -empty -delete \
  && node --eval 'require("zeromq")'


FROM npm AS build
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
# Installing a package makes its commands executable, but here it is not installed.
RUN npm run build && chmod 755 dist/cli.js


FROM base AS runtime
ENV NODE_ENV=production
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
RUN ln -s /app/dist/cli.js /usr/local/bin/demitter-forwarder
# All of /app belongs to root: the process cannot change its own program.
USER node
# Without the base image's entrypoint, a shell script, nothing stands between the engine's signals and Node.
ENTRYPOINT []


# Before the forwarder, because `docker build .` makes the last one.
FROM runtime AS examples
COPY examples/two-processes ./examples/two-processes
CMD ["node", "examples/two-processes/subscriber.mjs"]


FROM runtime AS forwarder
LABEL org.opencontainers.image.title="demitter-forwarder" \
      org.opencontainers.image.description="The forwarder through which Demitter's emitters exchange their events" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/node:24-trixie-slim"
# To a container, everybody is another machine: who may connect is decided by the ports that are published and the
# networks it is in, or by keys (docs/docker.md).
ENV DEMITTER_UNPROTECTED=1
# XSUB, where publishers connect, and XPUB, where subscribers do.
EXPOSE 5555 5556
# Sends a message in at one port and waits until it comes out at the other.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["demitter-forwarder", "health"]
CMD ["demitter-forwarder"]
