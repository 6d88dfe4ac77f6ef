import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';
import { z } from 'zod';
import { VARIABLE_NAMES } from '../../../src/platform/config/environment.js';
import { loadConfig } from '../../../src/platform/config/load-config.js';

const FOLDER = fileURLToPath(new URL('../../../ops/kubernetes/', import.meta.url));
const manifests = ['tenantry.yaml', 'migrate.yaml'].flatMap(
  (name) => loadAll(readFileSync(FOLDER + name, 'utf8')) as { kind: string }[],
);

const container = z.object({
  image: z.string(),
  command: z.array(z.string()).optional(),
  envFrom: z.array(z.record(z.string(), z.object({ name: z.string() }))),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  livenessProbe: z.object({ httpGet: z.object({ path: z.string() }) }).optional(),
  readinessProbe: z.object({ httpGet: z.object({ path: z.string() }) }).optional(),
  lifecycle: z.object({ preStop: z.object({ exec: z.object({ command: z.array(z.string()) }) }) }).optional(),
});
const pod = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    automountServiceAccountToken: z.literal(false),
    terminationGracePeriodSeconds: z.int().optional(),
    securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.literal(1000) }),
    containers: z.tuple([container]),
  }),
});

function podOf(kind: 'Deployment' | 'Job'): z.infer<typeof pod> {
  const found = manifests.find((manifest) => manifest.kind === kind);
  return z.object({ spec: z.object({ template: pod }) }).parse(found).spec.template;
}

const settings = z
  .object({ data: z.record(z.string(), z.string()) })
  .parse(manifests.find(({ kind }) => kind === 'ConfigMap')).data;

/** What docs/guides/kubernetes.md puts into the Secret. */
const SECRETS = {
  DATABASE_URL: 'postgres://owner:secret@db.example.com/catalog',
  ADMIN_API_KEY: 'a'.repeat(48),
  ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`,
  REDIS_URL: 'redis://redis.example.com',
};

describe('the manifests for Kubernetes', () => {
  it('set variables that there are, complete with the secrets for production', () => {
    expect(VARIABLE_NAMES).toEqual(expect.arrayContaining([...Object.keys(settings), ...Object.keys(SECRETS)]));
    expect(() => loadConfig({ env: { ...settings, ...SECRETS }, cwd: tmpdir() })).not.toThrow();
    expect(settings['NODE_ENV']).toBe('production');
    for (const { spec } of [podOf('Deployment'), podOf('Job')]) {
      expect(spec.containers[0].envFrom).toEqual([
        { configMapRef: { name: 'tenantry' } },
        { secretRef: { name: 'tenantry' } },
      ]);
    }
  });

  it('give an instance longer to stop than it takes', () => {
    const { terminationGracePeriodSeconds, containers } = podOf('Deployment').spec;
    const pause = Number(containers[0].lifecycle?.preStop.exec.command[1]);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(pause + Number(settings['SHUTDOWN_TIMEOUT']));
  });

  it('restart an instance for its own sake only, and send it requests when it is ready', () => {
    const [{ livenessProbe, readinessProbe }] = podOf('Deployment').spec.containers;
    expect([livenessProbe?.httpGet.path, readinessProbe?.httpGet.path]).toEqual(['/health/live', '/health/ready']);
  });

  it('send requests to instances, not to migrations, of one image', () => {
    const service = z
      .object({ spec: z.object({ selector: z.record(z.string(), z.string()) }) })
      .parse(manifests.find(({ kind }) => kind === 'Service'));
    const [deployment, job] = [podOf('Deployment'), podOf('Job')];
    expect(deployment.metadata.labels).toEqual(service.spec.selector);
    expect(job.metadata.labels).not.toMatchObject(service.spec.selector);
    expect(job.spec.containers[0].image).toBe(deployment.spec.containers[0].image);
    expect(job.spec.containers[0].command).toEqual(['node', 'dist/cli.js', 'migrate']);
  });
});
