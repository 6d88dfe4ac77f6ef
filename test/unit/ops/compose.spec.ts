import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { z } from 'zod';
import { environmentRules } from '../../../src/platform/config/environment-rules.js';
import { VARIABLE_NAMES } from '../../../src/platform/config/environment.js';

const FILE = fileURLToPath(new URL('../../../compose.yaml', import.meta.url));
const text = readFileSync(FILE, 'utf8');

/** The properties that are checked. Merge keys (`<<`) belong to YAML 1.1, and Compose supports them. */
const service = z.object({
  image: z.string(),
  user: z.string().optional(),
  environment: z.record(z.string(), z.string()),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  restart: z.string(),
  security_opt: z.array(z.string()),
  stop_grace_period: z.string().optional(),
  volumes: z.array(z.string()).default([]),
});
const compose = z
  .object({
    services: z.record(z.string(), service),
    networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
  })
  .parse(load(text, { schema: YAML11_SCHEMA }));

const services = Object.entries(compose.services);
const apps = services.filter(([name]) => name.startsWith('app-'));

it('compose.yaml contains no password: every one is a required variable', () => {
  const secrets = [...text.matchAll(/\$\{(\w*(?:PASSWORD|KEYS?))(\S?)(\S?)/g)];
  expect(new Set(secrets.map(([, name]) => name))).toEqual(
    new Set([
      ...['POSTGRES_PASSWORD', 'TENANTRY_DB_PASSWORD', 'PGBOUNCER_PASSWORD', 'REDIS_PASSWORD'],
      ...['ADMIN_API_KEY', 'ENCRYPTION_KEYS'],
    ]),
  );
  for (const [reference, , ...operator] of secrets) expect([reference, operator.join('')]).toEqual([reference, ':?']);
});

describe.each(services)(
  'the service %s in compose.yaml',
  (_name, { image, restart, read_only: readOnly, security_opt: security, ports }) => {
    it('has a pinned version, restarts, has a read-only file system and cannot gain privileges', () => {
      expect(image).toMatch(/:(local|\d+\.\d+[\w.-]*)$/);
      expect(restart).toBe('unless-stopped');
      expect(readOnly).toBe(true);
      expect(security).toEqual(['no-new-privileges:true']);
    });

    it('publishes its ports on the loopback address only', () => {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    });
  },
);

describe('the two instances in compose.yaml', () => {
  it('differ only in their port', () => {
    const [first, second] = apps.map(([, app]) => app);
    expect(apps).toHaveLength(2);
    expect(first?.ports).not.toEqual(second?.ports);
    expect({ ...first, ports: [] }).toEqual({ ...second, ports: [] });
  });

  it.each(apps)(
    'are configured completely: %s sets only known variables, and all that production requires',
    (_name, { environment }) => {
      const own = Object.keys(environment).filter((name) => !name.startsWith('OTEL_'));
      expect(VARIABLE_NAMES).toEqual(expect.arrayContaining(own));
      const required = environmentRules.filter(({ expected }) => /in production/.test(expected));
      expect(own).toEqual(expect.arrayContaining(required.map(({ variable }) => variable)));
    },
  );

  it.each(apps)('start and stop in order: %s waits for healthy dependencies and has time to stop', (_name, app) => {
    expect(Object.keys(app.depends_on).toSorted()).toEqual(['pgbouncer', 'postgres', 'redis']);
    for (const { condition } of Object.values(app.depends_on)) expect(condition).toBe('service_healthy');
    for (const name of Object.keys(app.depends_on)) expect(compose.services[name]?.healthcheck).toBeDefined();
    expect(Number.parseInt(app.stop_grace_period ?? '', 10)).toBeGreaterThan(
      Number(app.environment['SHUTDOWN_TIMEOUT']),
    );
  });
});

it('compose.yaml exposes only the instances to the outside network', () => {
  expect(compose.networks['back']?.internal).toBe(true);
  const inner = services.filter(([name]) => !name.startsWith('app-'));
  expect(inner.map(([, { networks }]) => networks)).toEqual(inner.map(() => ['back']));
});
