import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { z } from 'zod';
import { environmentRules } from '../../../src/platform/config/environment-rules.js';
import { VARIABLE_NAMES } from '../../../src/platform/config/environment.js';

const FILE = fileURLToPath(new URL('../../../compose.yaml', import.meta.url));
const text = readFileSync(FILE, 'utf8');

/** What the checks look at. Merge keys (`<<`) are of YAML 1.1, and Compose reads them. */
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

it('has no password in it: each is asked for, and the start fails without it', () => {
  const secrets = [...text.matchAll(/\$\{(\w*(?:PASSWORD|KEYS?))(\S?)(\S?)/g)];
  expect(new Set(secrets.map(([, name]) => name))).toEqual(
    new Set([
      ...['POSTGRES_PASSWORD', 'TENANTRY_DB_PASSWORD', 'PGBOUNCER_PASSWORD', 'REDIS_PASSWORD'],
      ...['ADMIN_API_KEY', 'ENCRYPTION_KEYS'],
    ]),
  );
  for (const [reference, , ...operator] of secrets) expect([reference, operator.join('')]).toEqual([reference, ':?']);
});

describe.each(services)('%s', (_name, { image, restart, read_only: readOnly, security_opt: security, ports }) => {
  it('has a version, comes back, can write nowhere it need not and gain no rights', () => {
    expect(image).toMatch(/:(?!latest).+$/);
    expect(restart).toBe('unless-stopped');
    expect(readOnly).toBe(true);
    expect(security).toEqual(['no-new-privileges:true']);
  });

  it('is reached from this machine only', () => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

describe('the two instances', () => {
  it('differ in their port only', () => {
    const [first, second] = apps.map(([, app]) => app);
    expect(apps).toHaveLength(2);
    expect(first?.ports).not.toEqual(second?.ports);
    expect({ ...first, ports: [] }).toEqual({ ...second, ports: [] });
  });

  it.each(apps)('%s sets only variables that are read, and all that production requires', (_name, { environment }) => {
    const own = Object.keys(environment).filter((name) => !name.startsWith('OTEL_'));
    expect(VARIABLE_NAMES).toEqual(expect.arrayContaining(own));
    const required = environmentRules.filter(({ expected }) => /in production/.test(expected));
    expect(own).toEqual(expect.arrayContaining(required.map(({ variable }) => variable)));
  });

  it.each(apps)('%s waits until what it needs is healthy, and has time to stop', (_name, app) => {
    expect(Object.keys(app.depends_on).toSorted()).toEqual(['pgbouncer', 'postgres', 'redis']);
    for (const { condition } of Object.values(app.depends_on)) expect(condition).toBe('service_healthy');
    for (const name of Object.keys(app.depends_on)) expect(compose.services[name]?.healthcheck).toBeDefined();
    expect(Number.parseInt(app.stop_grace_period ?? '', 10)).toBeGreaterThan(
      Number(app.environment['SHUTDOWN_TIMEOUT']),
    );
  });
});

it('only the instances can be reached from outside', () => {
  expect(compose.networks['back']?.internal).toBe(true);
  const inner = services.filter(([name]) => !name.startsWith('app-'));
  expect(inner.map(([, { networks }]) => networks)).toEqual(inner.map(() => ['back']));
});
