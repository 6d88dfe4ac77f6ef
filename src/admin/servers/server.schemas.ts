import { z } from 'zod';
import { boundedText } from '../../http/input/bounded-text.js';
import { fitsIdentifier, MAX_IDENTIFIER_BYTES } from '../../platform/postgres/identifiers.js';
import { maxBytes, maxTenants, serverLabels } from '../placement/placement.schemas.js';
import { serverName } from '../tenants/tenant.schemas.js';

const HOST = /^[a-zA-Z0-9._:-]{1,253}$/;
const MAX_CONNECTIONS = 10_000;
const MAX_FURTHER_ADDRESSES = 15;

const host = z.string().regex(HOST, 'must be a host name or an IP address');
const port = z.int().min(1).max(65_535);
const furtherAddresses = z
  .array(z.strictObject({ host, port: port.default(5432) }))
  .max(MAX_FURTHER_ADDRESSES)
  .describe('of its standbys, each of which may become the primary: the one that accepts writes is used');
const tls = z.enum(['disable', 'require', 'verify-full']);
const maxConnections = z
  .int()
  .min(1)
  .max(MAX_CONNECTIONS)
  .nullable()
  .describe('of all instances together; null: what the server allows, less a tenth');
const MAX_REPLICAS = 16;
const replicas = z
  .array(z.strictObject({ host, port: port.default(5432) }))
  .max(MAX_REPLICAS)
  .refine(
    (list) => new Set(list.map((each) => `${each.host}:${each.port}`)).size === list.length,
    'must be distinct addresses',
  )
  .describe('streaming standbys of the server, from which routes may read; TLS and roles are those of the server');
const role = boundedText(MAX_IDENTIFIER_BYTES).refine(fitsIdentifier, `must be at most ${MAX_IDENTIFIER_BYTES} bytes`);
const password = z
  .string()
  .min(1)
  .max(1000)
  .refine((text) => !text.includes('\0'), 'must not contain NUL');

export const newServer = z
  .strictObject({
    name: serverName.refine((name) => name !== 'default', "is reserved for the catalog's server"),
    host,
    port: port.default(5432),
    furtherAddresses: furtherAddresses.default([]),
    tls: tls.default('disable'),
    ownerRole: role.describe('role that creates databases, roles and tables; needs CREATEDB and CREATEROLE'),
    ownerPassword: password.describe('encrypted at rest, never returned'),
    maxConnections: maxConnections.default(null),
    replicas: replicas.default([]),
    maxTenants: maxTenants.default(null),
    maxBytes: maxBytes.default(null),
    labels: serverLabels.default({}),
  })
  .meta({
    id: 'NewServer',
    example: { name: 'eu-2', host: 'pg-eu-2.internal', tls: 'require', ownerRole: 'tenantry', ownerPassword: 'secret' },
  });
export type NewServer = z.infer<typeof newServer>;

export const serverChange = z
  .strictObject({
    host: host.optional(),
    port: port.optional(),
    furtherAddresses: furtherAddresses.optional(),
    tls: tls.optional(),
    ownerRole: role.optional(),
    ownerPassword: password.optional(),
    maxConnections: maxConnections.optional(),
    replicas: replicas.optional(),
    maxTenants: maxTenants.optional(),
    maxBytes: maxBytes.optional(),
    labels: serverLabels.optional().describe('the complete set: other labels are removed'),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one change')
  .meta({ id: 'ServerChange', example: { maxConnections: 60 } });
export type ServerChange = z.infer<typeof serverChange>;

export const serverView = z
  .object({
    id: z.guid(),
    name: z.string(),
    host: z.string().nullable().describe("null for the catalog's server, whose address is in DATABASE_URL"),
    port: z.int().nullable(),
    furtherAddresses: z.array(z.object({ host: z.string(), port: z.int() })),
    tls,
    ownerRole: z.string().nullable(),
    maxConnections: z.int().nullable(),
    replicas: z
      .array(z.object({ host: z.string(), port: z.int() }))
      .describe("read replicas; those of the catalog's server are in DATABASE_REPLICAS"),
    maxTenants,
    maxBytes,
    labels: serverLabels,
    draining: z.boolean(),
    tenants: z.int(),
    databases: z.int(),
    storedBytes: z.int().describe('of its tenants, when last measured'),
  })
  .meta({ id: 'Server' });
export type ServerView = z.infer<typeof serverView>;
