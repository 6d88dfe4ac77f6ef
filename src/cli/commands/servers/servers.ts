import type { Command } from 'commander';
import { newServer, serverChange, type ServerView } from '../../../admin/servers/server.schemas.js';
import { ServerConnections } from '../../../admin/servers/server-connections.js';
import type { ServerConnectionsView } from '../../../admin/servers/server-connections.schemas.js';
import { Servers } from '../../../admin/servers/servers.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import { OperationRunner } from '../../../operations/operation-runner.js';
import { labelsText } from '../../../catalog/model/labels.js';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { requestOperation } from '../../session/request-operation.js';
import { ownerPassword } from '../../session/owner-password.js';
import { addressText } from '../../../platform/postgres/database-url.js';
import { label, type LabelsOption, labelsOf } from '../../terminal/label-options.js';
import { addresses, bytes, wholeNumber } from '../../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- servers
  $ npm run tenantry -- servers add eu-2 --host pg-eu-2.internal --tls require --owner-role tenantry \\
      --owner-password-stdin < password.txt
  $ TENANTRY_OWNER_PASSWORD=… npm run tenantry -- servers set eu-2 --owner-role tenantry
  $ npm run tenantry -- servers set eu-2 --replicas pg-eu-2-b.internal:5432,pg-eu-2-c.internal:5432
  $ npm run tenantry -- servers set eu-2 --label region=eu --label tier=gold --max-tenants 2000
  $ npm run tenantry -- servers drain eu-2

Passwords come from TENANTRY_OWNER_PASSWORD or standard input: other users of the machine can read arguments.`;

const ADD_EXAMPLE = `
Example:
  $ npm run tenantry -- servers add eu-2 --host pg-eu-2.internal --tls verify-full --owner-role tenantry \\
      --owner-password-stdin < password.txt

On that server first, as a superuser: CREATE ROLE tenantry LOGIN CREATEDB CREATEROLE PASSWORD '…';
Then: tenants create acme --isolation database --server eu-2`;

const DRAIN_EXAMPLES = `
Examples:
  $ npm run tenantry -- servers drain eu-1
  $ npm run tenantry -- servers drain eu-1 --move --to eu-2 --at-once 4

A tenant that is suspended or in maintenance is not moved, and named in the end. The moves are operations: operations retry goes on.`;

/** `servers …` */
export function defineServers(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('list servers (default)')
    .action(() => run((context) => list(context)));
  command
    .command('connections')
    .description('count the connections of each server against what it admits')
    .action(() => run((context) => listConnections(context)));
  withServerOptions(command.command('add <name>'))
    .description('validate and register a server')
    .addHelpText('after', ADD_EXAMPLE)
    .action((name, options) => run((context) => add(context, name, options)));
  withServerOptions(command.command('set <name>'))
    .description('change the address, owner, connection limit, read replicas, capacity or labels of a server')
    .option('--default-connections', 'reset to the default connection limit')
    .option('--no-max-tenants', 'remove the limit of tenants')
    .option('--no-max-bytes', 'remove the limit of stored bytes')
    .option('--no-labels', 'remove all labels')
    .action((name, options) => run((context) => set(context, name, options)));
  command
    .command('drain <name>')
    .description('stop placing tenants on a server, and move those that it has with --move')
    .option('--move', 'move every tenant away while it works, and remove what it has left')
    .option('--to <server>', 'with --move: where to (default: for each tenant, the server with the most room)')
    .option('--at-once <n>', 'with --move: tenants that are moved at the same time (default: 2)', wholeNumber)
    .option('--no-wait', 'with --move: only queue the operation: running servers move the tenants')
    .addHelpText('after', DRAIN_EXAMPLES)
    .action((name, options) => run((context) => drain(context, name, options)));
  command
    .command('undrain <name>')
    .description('place tenants on a server again')
    .action((name) => run((context) => undrain(context, name)));
  command
    .command('remove <name>')
    .description('unregister a drained server without tenants')
    .action((name) => run((context) => remove(context, name)));
}

function withServerOptions(command: Command): Command {
  return command
    .option('--host <host>', 'name or IP address')
    .option('--port <n>', 'port (default: 5432)', wholeNumber)
    .option(
      '--further-addresses <list>',
      'of its standbys: host:port, comma-separated; none: the empty text',
      addresses,
    )
    .option('--tls <mode>', 'disable, require or verify-full (default: disable)')
    .option('--owner-role <role>', 'role that creates databases, roles and tables; needs CREATEDB and CREATEROLE')
    .option('--owner-password-stdin', 'read the password of the role from the first line of standard input')
    .option(
      '--max-connections <n>',
      'connections of all instances together (default: what it allows, less a tenth)',
      wholeNumber,
    )
    .option('--replicas <addresses>', 'its read replicas as host:port, comma-separated; none: an empty text', addresses)
    .option('--max-tenants <n>', 'tenants that it has at most (default: no limit)', wholeNumber)
    .option('--max-bytes <n>', 'bytes that its tenants have stored before it gets no more (default: no limit)', bytes)
    .option('--label <key=value>', 'label that tenants may ask for; may be repeated, replaces those before', label);
}

interface ServerOptions extends LabelsOption {
  readonly ownerPasswordStdin?: boolean;
  readonly defaultConnections?: boolean;
  /** False with `--no-max-tenants`. */
  readonly maxTenants?: number | false;
  /** False with `--no-max-bytes`. */
  readonly maxBytes?: number | false;
  readonly [field: string]: unknown;
}

const COLUMNS = [
  { title: 'NAME', value: (server: ServerView) => server.name },
  { title: 'ADDRESS', value: (server: ServerView) => addressOf(server) },
  { title: 'TLS', value: (server: ServerView) => (server.host === null ? null : server.tls) },
  { title: 'OWNER', value: (server: ServerView) => server.ownerRole },
  { title: 'CONNECTIONS', value: (server: ServerView) => server.maxConnections ?? 'default' },
  { title: 'REPLICAS', value: ({ replicas }: ServerView) => replicas.length },
  { title: 'LABELS', value: ({ labels }: ServerView) => labelsText(labels) },
  { title: 'TENANTS', value: ({ tenants, maxTenants }: ServerView) => ofAtMost(tenants, maxTenants) },
  { title: 'STORED', value: ({ storedBytes, maxBytes }: ServerView) => ofAtMost(storedBytes, maxBytes) },
  { title: 'DATABASES', value: (server: ServerView) => server.databases },
  { title: 'DRAINING', value: (server: ServerView) => (server.draining ? 'yes' : 'no') },
];

const CONNECTION_COLUMNS = [
  { title: 'SERVER', value: ({ server }: ServerConnectionsView) => server },
  { title: 'OPEN', value: ({ open }: ServerConnectionsView) => open ?? 'no answer' },
  { title: 'MAX', value: ({ max }: ServerConnectionsView) => max },
  { title: 'LENT', value: ({ lent }: ServerConnectionsView) => lent },
  { title: 'LIMIT', value: ({ limit }: ServerConnectionsView) => limit },
];

async function list({ output, session }: CommandContext): Promise<void> {
  const items = await session.get(Servers).list();
  output.print(items, () => output.table(items, COLUMNS, 'no servers'));
}

async function listConnections({ output, session }: CommandContext): Promise<void> {
  const items = await session.get(ServerConnections).list();
  output.print(items, () => output.table(items, CONNECTION_COLUMNS, 'no servers'));
}

async function add(context: CommandContext, name: string, options: ServerOptions): Promise<void> {
  const { output, session, actor } = context;
  const description = parseOrThrow(newServer, { name, ...(await fieldsOf(context, options)) });
  await session.get(Servers).check(description);
  const server = await session.catalog.transaction((catalog) =>
    session.get(Servers).register(catalog, description, actor),
  );
  output.print(server, () => [`${server.name} is registered: ${addressOf(server)}`]);
}

async function set(context: CommandContext, name: string, options: ServerOptions): Promise<void> {
  const change = parseOrThrow(serverChange, await fieldsOf(context, options));
  printStatus(context, await context.session.get(Servers).change(name, change, context.actor), 'has been changed');
}

interface DrainOptions {
  readonly move?: boolean;
  readonly to?: string;
  readonly atOnce?: number;
  readonly wait: boolean;
}

async function drain(context: CommandContext, name: string, options: DrainOptions): Promise<void> {
  const { move = false, wait, ...destination } = options;
  if (move) {
    await context.session.get(Servers).drain(name, context.actor);
    if (wait) context.session.get(OperationRunner).start(); // the moves, where no server runs
    return requestOperation(context, { kind: 'empty-server', server: name, ...destination }, wait);
  }
  printStatus(context, await context.session.get(Servers).drain(name, context.actor), 'is draining');
}

async function undrain(context: CommandContext, name: string): Promise<void> {
  printStatus(context, await context.session.get(Servers).undrain(name, context.actor), 'accepts tenants again');
}

async function remove({ output, session, actor }: CommandContext, name: string): Promise<void> {
  await session.get(Servers).remove(name, actor);
  output.print({ name, removed: true }, () => [`${name} is no longer registered`]);
}

async function fieldsOf(
  { terminal }: CommandContext,
  { ownerPasswordStdin = false, defaultConnections = false, label, labels, ...fields }: ServerOptions,
): Promise<object> {
  const password = await ownerPassword(terminal, ownerPasswordStdin);
  return {
    ...fields,
    ...(fields.maxTenants === false && { maxTenants: null }),
    ...(fields.maxBytes === false && { maxBytes: null }),
    ...labelsOf('labels', { label, labels }),
    ...(defaultConnections && { maxConnections: null }),
    ...(password !== undefined && { ownerPassword: password }),
  };
}

function printStatus({ output }: CommandContext, server: ServerView, status: string): void {
  output.print(server, () => [`${server.name} ${status}`]);
}

function ofAtMost(count: number, max: number | null): string {
  return max === null ? String(count) : `${count} of ${max}`;
}

function addressOf({ host, port, furtherAddresses }: ServerView): string {
  if (host === null || port === null) return 'from DATABASE_URL';
  return [{ host, port }, ...furtherAddresses].map(addressText).join();
}
