# The proxy as an image: no dev dependencies, no build tools, nothing writable but /state, and not root.
#
#   docker build -t kontrakt .
#   docker run -v ./policies:/policies:ro -p 9192-9196:9192-9196 kontrakt serve \
#     --upstream kafka-1:9092 --listen 0.0.0.0:9192 --broker-ports 9193-9196 --advertised-host kontrakt.internal
#
# Node runs the TypeScript sources as they are: the second stage copies, it does not compile.
ARG BASE=node:24-slim

FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM ${BASE}
ENV NODE_ENV=production
# Where a user mounts policies, and where last good copies of policies and schemas are kept.
ENV KONTRAKT_POLICIES=/policies KONTRAKT_STATE_DIR=/state
RUN mkdir /policies /state && chown node:node /state
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY protocol ./protocol
COPY src ./src
# For `demo` and `init`; `serve` reads /policies.
COPY policies ./policies
USER node
VOLUME ["/state"]
# Bootstrap, the first brokers, and the admin address (on loopback unless it is set otherwise).
EXPOSE 9192 9193 9194 9195 9196 9190
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9190/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/cli/main.ts"]
CMD ["serve"]
