# A PromptOS worker: node, git, bubblewrap, and the built package. The programs that the worker config names as executors and checks
# are not in it: build your own image FROM this one and add them.
# Debian, since Temporal's native core is linked against glibc.
FROM node:24-bookworm-slim AS build
WORKDIR /opt/promptos
COPY package.json package-lock.json ./
# The sources are not copied yet, so `prepare` could not build.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends bubblewrap ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/promptos /opt/promptos
# A named volume that is mounted here takes its owner from this folder.
RUN install --directory --owner=node --group=node /srv/promptos/state
ENV NODE_ENV=production PROMPTOS_HOME=/srv/promptos
USER node
WORKDIR /srv/promptos
ENTRYPOINT ["node", "/opt/promptos/bin/promptos"]
CMD ["worker"]
