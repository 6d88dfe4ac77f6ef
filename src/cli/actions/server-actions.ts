import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { newServer, serverChange, type ServerView } from '../../admin/servers/server.schemas.js';
import { Servers } from '../../admin/servers/servers.js';
import type { CommandContext } from '../session/command-context.js';
import { ownerPassword } from '../session/owner-password.js';

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

export async function list({ output, session }: CommandContext): Promise<void> {
  const items = await session.get(Servers).list();
  output.answer(items, () => output.table(items, COLUMNS, 'no servers'));
}

export async function add(context: CommandContext, name: string, options: ServerOptions): Promise<void> {
  const { output, session, actor } = context;
  const asked = parseOrThrow(newServer, { name, ...(await described(context, options)) });
  await session.get(Servers).check(asked);
  const server = await session.catalog.transaction((catalog) => session.get(Servers).register(catalog, asked, actor));
  output.answer(server, () => [`${server.name} is registered: ${addressOf(server)}`]);
}

export async function set(context: CommandContext, name: string, options: ServerOptions): Promise<void> {
  const change = parseOrThrow(serverChange, await described(context, options));
  told(context, await context.session.get(Servers).change(name, change, context.actor), 'is changed');
}

export async function drain(context: CommandContext, name: string): Promise<void> {
  told(context, await context.session.get(Servers).drain(name, context.actor), 'is draining');
}

export async function undrain(context: CommandContext, name: string): Promise<void> {
  told(context, await context.session.get(Servers).undrain(name, context.actor), 'takes tenants again');
}

export async function remove({ output, session, actor }: CommandContext, name: string): Promise<void> {
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
