import type { CodeBlock } from './code-blocks.js';

const GUIDES = 'test/packages/guides';

/** Which specs run the blocks of a document as they are written there, each in the order of the text. */
export const RUN_BY: Readonly<Record<string, string>> = {
  'README.md': `${GUIDES}/readme.spec.ts`,
  'docs/guides/adopting.md': 'test/soak/adoption/shop.spec.ts',
  'docs/guides/backups.md': 'test/soak/operations/backup.spec.ts',
  'docs/guides/data-layers.md': `${GUIDES}/install.spec.ts`,
  'docs/guides/database-rights.md': `${GUIDES}/deployment.spec.ts`,
  'docs/guides/deployment.md': `${GUIDES}/deployment.spec.ts`,
  'docs/guides/docker.md': `${GUIDES}/deployment.spec.ts`,
  'docs/guides/existing-application.md': `${GUIDES}/example.spec.ts`,
  'docs/guides/identity.md': `${GUIDES}/identity.spec.ts`,
  'docs/guides/indexes.md': 'test/integration/database/leakproof/indexes-guide.spec.ts',
  'docs/guides/install.md': `${GUIDES}/install.spec.ts`,
  'docs/guides/limits.md': 'test/e2e/limits.spec.ts',
  'docs/guides/migrations.md': `${GUIDES}/install.spec.ts`,
  'docs/guides/settings.md': 'test/e2e/admin/settings.spec.ts',
  'docs/guides/testing.md': `${GUIDES}/install.spec.ts`,
  'docs/guides/tls.md': `${GUIDES}/deployment.spec.ts`,
};

/** A block that is not run. */
interface Exception {
  readonly document: string;
  /** Its first line. */
  readonly starts: string;
  readonly reason: string;
}

/** All blocks of README and the guides that are neither run nor taken from code that is run. */
export const NOT_RUN: readonly Exception[] = [
  {
    document: 'README.md',
    starts:
      'npm ci && npm test     # every test, on real servers that the tests start themselves (as root they install Redis and PgBouncer)',
    reason: 'every run of the tests is one; they cannot run themselves',
  },
  {
    document: 'README.md',
    starts:
      'Tenantry is running at http://localhost:3000 with 4 demo tenants (API documentation: http://localhost:3000/docs)',
    reason: 'output; test/packages/guides/readme.spec.ts compares it with what is printed',
  },
  {
    document: 'README.md',
    starts: '{',
    reason: 'an answer; test/packages/guides/readme.spec.ts compares it with what is answered',
  },
  {
    document: 'docs/guides/background-jobs.md',
    starts: 'npm install bullmq @nestjs/bullmq',
    reason: 'installs what test/soak/jobs/background-jobs-example.spec.ts runs the example with',
  },
  {
    document: 'docs/guides/console.md',
    starts: 'PUBLIC_URL=https://admin.example.com',
    reason:
      'settings; test/unit/platform/config reads such ones, and test/e2e/server/sign-in.spec.ts signs in with them',
  },
  {
    document: 'docs/guides/existing-application.md',
    starts: 'ok    configuration       valid (development, DATABASE_URL)',
    reason: 'output; test/packages/guides/example.spec.ts compares its checks with what is printed',
  },
  {
    document: 'docs/guides/existing-application.md',
    starts: 'HTTP/1.1 403 Forbidden',
    reason: 'an answer; test/packages/guides/example.spec.ts compares it with what is answered',
  },
  {
    document: 'docs/guides/indexes.md',
    starts: 'npx tenantry leakproof --server default                                        # what is marked',
    reason:
      'they need the password of a superuser; test/soak/cli/leakproof.spec.ts runs the commands on a server of its own',
  },
  {
    document: 'docs/guides/deployment.md',
    starts: '[Service]',
    reason: 'needs systemd',
  },
  {
    document: 'docs/guides/kubernetes.md',
    starts: 'kubectl create secret generic tenantry \\',
    reason: 'needs a cluster; test/unit/ops/kubernetes.spec.ts loads the configuration that these settings make',
  },
  {
    document: 'docs/guides/kubernetes.md',
    starts: 'kubectl apply -f ops/kubernetes/tenantry.yaml --dry-run=server',
    reason: 'needs a cluster; the manifests are checked by test/unit/ops and test/soak/ops',
  },
  {
    document: 'docs/guides/docker.md',
    starts: 'docker compose --env-file .env.compose up --build --wait',
    reason:
      'needs Docker; compose.yaml, the image and the commands in it are checked by test/unit/ops and test/soak/ops',
  },
  {
    document: 'docs/guides/read-replicas.md',
    starts: 'DATABASE_REPLICAS=pg-b.internal:5432,pg-c.internal:5432',
    reason: 'no such host; test/support/replicas/replicated-app.ts sets the address of a replica that it has started',
  },
  {
    document: 'docs/guides/read-replicas.md',
    starts: 'npx tenantry servers set eu-2 --replicas pg-eu-2-b.internal:5432,pg-eu-2-c.internal:5432',
    reason: 'no such host; test/e2e/admin/servers.spec.ts sets replicas of a server',
  },
  {
    document: 'docs/guides/read-replicas.md',
    starts: 'X-Tenantry-Position: 2026.Jb1u…',
    reason: 'a field of an answer; test/integration/database/replicas/read-replicas.spec.ts sends it back',
  },
];

/** Languages whose blocks are excerpts of code that is run (test/unit/docs/code-blocks.spec.ts). */
const EXCERPTS = new Set(['ts', 'diff']);

export function documentOf({ where }: CodeBlock): string {
  return where.slice(0, where.lastIndexOf(':'));
}

export function firstLineOf({ text }: CodeBlock): string {
  return (text.split('\n', 1)[0] ?? '').trim();
}

function isException(block: CodeBlock): boolean {
  return NOT_RUN.some(({ document, starts }) => document === documentOf(block) && starts === firstLineOf(block));
}

/** Whether a spec has to run the block. */
export function isToBeRun(block: CodeBlock): boolean {
  return !EXCERPTS.has(block.language) && !isException(block);
}
