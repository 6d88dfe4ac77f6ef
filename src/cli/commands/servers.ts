import type { Command } from 'commander';
import { newServer, serverChange, type ServerView } from '../../admin/servers/server.schemas.js';
import { Servers } from '../../admin/servers/servers.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { ownerPassword } from '../session/owner-password.js';
import { wholeNumber } from '../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- servers
  $ npm run tenantry -- servers add eu-2 --host pg-eu-2.internal --tls require --owner-role tenantry \\
      --owner-password-stdin < password.txt
  $ TENANTRY_OWNER_PASSWORD=… npm run tenantry -- servers set eu-2 --owner-role tenantry
  $ npm run tenantry -- servers drain eu-2

Passwords come from TENANTRY_OWNER_PASSWORD or standard input: arguments are there for everybody on the machine to see.`;

/** `servers …` */
export function defineServers(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('a table of servers; what a bare "servers" does')
    .action(() => run((context) => list(context)));
  withServerOptions(command.command('add <name>'))
    .description('register a server, after a look whether it can be used')
    .action((name, options) => run((context) => add(context, name, options)));
  withServerOptions(command.command('set <name>'))
    .description('change how a server is reached, or its limit')
    .option('--default-connections', 'take its own limit of connections away')
    .action((name, options) => run((context) => set(context, name, options)));
  command
    .command('drain <name>')
    .description('put no further tenant on it')
    .action((name) => run((context) => drain(context, name)));
  command
    .command('undrain <name>')
    .description('put tenants on it again')
    .action((name) => run((context) => undrain(context, name)));
  command
    .command('remove <name>')
    .description('forget a drained server that has no tenants')
    .action((name) => run((context) => remove(context, name)));
}

function withServerOptions(command: Command): Command {
  return command
    .option('--host <host>', 'name or IP address')
    .option('--port <n>', 'default: 5432', wholeNumber)
    .option('--tls <mode>', 'disable, require or verify-full (default: disable)')
    .option('--owner-role <role>', 'creates databases, roles and tables; needs CREATEDB and CREATEROLE')
    .option('--owner-password-stdin', "the role's password is the first line of standard input")
    .option('--max-connections <n>', "one process's limit (default: DB_SERVER_MAX_CONNECTIONS)", wholeNumber);
}

interface ServerOptions {
  readonly ownerPasswordStdin?: boolean;
  readonly defaultConnections?: boolean;
  readonly [described: string]: unknown;
}

const COLUMNS = [
  { title: 'NAME', of: (server: ServerView) => server.name },
  { title: 'ADDRESS', of: (server: ServerView) => addressOf(server) },
  { title: 'TLS', of: (server: ServerView) => (server.host === null ? null : server.tls) },
  { title: 'OWNER', of: (server: ServerView) => server.ownerRole },
  { title: 'CONNECTIONS', of: (server: ServerView) => server.maxConnections ?? 'default' },
  { title: 'TENANTS', of: (server: ServerView) => server.tenants },
  { title: 'DATABASES', of: (server: ServerView) => server.databases },
  { title: 'DRAINING', of: (server: ServerView) => (server.draining ? 'yes' : 'no') },
];

async function list({ output, session }: CommandContext): Promise<void> {
  const items = await session.get(Servers).list();
  output.answer(items, () => output.table(items, COLUMNS, 'no servers'));
}

async function add(context: CommandContext, name: string, options: ServerOptions): Promise<void> {
  const { output, session, actor } = context;
  const asked = parseOrThrow(newServer, { name, ...(await described(context, options)) });
  await session.get(Servers).check(asked);
  const server = await session.catalog.transaction((catalog) => session.get(Servers).register(catalog, asked, actor));
  output.answer(server, () => [`${server.name} is registered: ${addressOf(server)}`]);
}

async function set(context: CommandContext, name: string, options: ServerOptions): Promise<void> {
  const change = parseOrThrow(serverChange, await described(context, options));
  told(context, await context.session.get(Servers).change(name, change, context.actor), 'is changed');
}

async function drain(context: CommandContext, name: string): Promise<void> {
  told(context, await context.session.get(Servers).drain(name, context.actor), 'is draining');
}

async function undrain(context: CommandContext, name: string): Promise<void> {
  told(context, await context.session.get(Servers).undrain(name, context.actor), 'takes tenants again');
}

async function remove({ output, session, actor }: CommandContext, name: string): Promise<void> {
  await session.get(Servers).remove(name, actor);
  output.answer({ name, removed: true }, () => [`${name} is forgotten`]);
}

async function described(
  { terminal }: CommandContext,
  { ownerPasswordStdin = false, defaultConnections = false, ...given }: ServerOptions,
): Promise<object> {
  const password = await ownerPassword(terminal, ownerPasswordStdin);
  return {
    ...given,
    ...(defaultConnections && { maxConnections: null }),
    ...(password !== undefined && { ownerPassword: password }),
  };
}

function told({ output }: CommandContext, server: ServerView, what: string): void {
  output.answer(server, () => [`${server.name} ${what}`]);
}

function addressOf({ host, port }: ServerView): string {
  return host === null ? 'where DATABASE_URL says' : `${host}:${port}`;
}
