# node:24-slim where no image registry can be reached: Debian, the Node binary that npm already installed, npm itself,
# and the machine's certificates (a machine that re-signs registry traffic must be trusted inside `RUN npm ci` too).
FROM debian:bookworm-slim
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN groupadd -g 1000 node && useradd -u 1000 -g node -s /bin/bash -m node \
 && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && ln -s node /usr/local/bin/nodejs
COPY ca.crt /usr/local/share/ca-certificates/machine.crt
RUN update-ca-certificates 2>/dev/null
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
