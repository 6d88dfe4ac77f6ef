import type { Command } from 'commander';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { TargetDatabases } from '../../admin/targets/target-databases.js';
import { Servers } from '../../admin/servers/servers.js';
import { type Marking, markOperators, readMarkings } from '../../database/leakproof/operator-functions.js';
import { OPERATOR_KINDS, type OperatorKind } from '../../database/leakproof/operator-kinds.js';
import { REFUSED_KINDS } from '../../database/leakproof/refused-kinds.js';
import { poolOptions } from '../../database/pool/pool-options.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { secretInput } from '../session/secret-input.js';
import { asSuperuser } from '../session/superuser.js';
import { NotSuperuserError, UsageError } from '../terminal/cli.errors.js';
import { printable } from '../terminal/table.js';

const HELP = `
Under a policy PostgreSQL uses an index for a condition only if its operator is marked leakproof. \`doctor\` lists the indexes
for which that matters. Marking is a superuser's decision for each database: docs/guides/indexes.md says what it risks, and
what does without.

Examples:
  $ npm run tenantry -- leakproof --server eu-2
  $ npm run tenantry -- leakproof mark --server eu-2 --kinds numeric,enum --dry-run
  $ TENANTRY_SUPERUSER_PASSWORD=… npm run tenantry -- leakproof mark --server eu-2 --kinds numeric,enum
  $ npm run tenantry -- leakproof unmark --server eu-2 --kinds numeric --superuser-password-stdin < password.txt`;

interface MarkOptions {
  readonly server: string;
  readonly kinds: string;
  readonly superuser: string;
  readonly superuserPasswordStdin?: boolean;
  readonly dryRun?: boolean;
}

/** `leakproof`, `leakproof mark`, `leakproof unmark` */
export function defineLeakproof(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', HELP);
  command
    .command('list', { isDefault: true })
    .description('list the kinds of operators and how far each database has them marked (default)')
    .requiredOption('--server <name>', 'the server whose databases are read')
    .action(({ server }: { server: string }) => run((context) => list(context, server)));
  for (const [name, leakproof, description] of [
    ['mark', true, 'mark operators as leakproof in all databases with tenants of a server'],
    ['unmark', false, 'take that back'],
  ] as const) {
    command
      .command(name)
      .description(description)
      .requiredOption('--server <name>', 'the server whose databases are changed')
      .requiredOption('--kinds <kinds>', `of ${OPERATOR_KINDS.map((kind) => kind.name).join(', ')}`)
      .option('--superuser <role>', 'the role to connect as', 'postgres')
      .option('--superuser-password-stdin', 'read its password from the first line of standard input')
      .option('--dry-run', 'print the SQL for psql, and change nothing; needs no superuser')
      .addHelpText('after', HELP)
      .action((options: MarkOptions) => run((context) => mark(context, options, leakproof)));
  }
}

async function list(context: CommandContext, serverName: string): Promise<void> {
  const { output, session } = context;
  const targets = await targetsOf(context, serverName);
  const markings: { database: string; kinds: Record<string, Marking> }[] = [];
  for (const target of targets) {
    const kinds = await session.get(TargetDatabases).use(target, readMarkings);
    markings.push({ database: target.database, kinds: Object.fromEntries(kinds) });
  }
  const rows = OPERATOR_KINDS.map((kind) => ({ ...kind, markings: markings.map(({ kinds }) => kinds[kind.name]) }));
  const columns = [
    { title: 'KIND', value: ({ name }: (typeof rows)[number]) => name },
    { title: 'MARKED', value: (row: (typeof rows)[number]) => summary(row.markings) },
    { title: 'CONDITIONS', value: ({ conditions }: (typeof rows)[number]) => conditions },
  ];
  output.print(markings, () => output.table(rows, columns, 'no kinds'));
}

/** `all`, or the number of databases that have it so. */
function summary(markings: readonly (Marking | undefined)[]): string {
  const present = markings.filter((marking) => marking !== 'absent');
  if (present.length === 0) return 'absent';
  if (present.every((marking) => marking === present[0])) return present[0] ?? 'none';
  return `all in ${present.filter((marking) => marking === 'all').length} of ${present.length} databases`;
}

async function mark(context: CommandContext, options: MarkOptions, leakproof: boolean): Promise<void> {
  const { output, session } = context;
  const kinds = kindsOf(options.kinds);
  const names = kinds.map(({ name }) => name);
  const { server, superuser, dryRun = false } = options;
  const targets = await targetsOf(context, server);
  const password = dryRun ? '' : await superuserPassword(context, options);
  const databases: { database: string; statements: readonly string[] }[] = [];
  try {
    for (const target of targets) {
      const { database, role } = target;
      const statements = dryRun
        ? await session
            .get(TargetDatabases)
            .use(target, (client) => markOperators(client, names, { leakproof, role, dryRun }))
        : await markAsSuperuser(context, target, { role: superuser, password }, names, leakproof);
      databases.push({ database, statements });
    }
  } catch (error) {
    if (error instanceof NotSuperuserError) throw error.withAlternatives(kinds.map(({ alternative }) => alternative));
    throw error;
  } finally {
    if (!dryRun) await record(context, server, names, leakproof, databases);
  }
  const risks = leakproof ? Object.fromEntries(kinds.map(({ name, risk }) => [name, risk])) : {};
  for (const [name, risk] of Object.entries(risks)) output.note(`${name}: ${risk}`);
  const document = { server, leakproof, dryRun, databases, risks };
  output.print(document, () => databases.flatMap((result) => linesOf(result, dryRun)));
  if (leakproof) output.note('A dump, pg_upgrade or a new database does not have these marks: run this again there.');
}

function linesOf(
  { database, statements }: { readonly database: string; readonly statements: readonly string[] },
  dryRun: boolean,
): string[] {
  if (dryRun)
    return [`\\connect "${printable(database).replaceAll('"', '""')}"`, ...statements.map((sql) => `${sql};`)];
  const functions = statements.filter((sql) => sql.startsWith('ALTER FUNCTION')).length;
  return [`${database}: ${functions === 0 ? 'nothing to change' : `${functions} functions changed`}`];
}

function markAsSuperuser(
  { session }: CommandContext,
  { server, database, role }: ConnectionTargetEntity,
  superuser: { readonly role: string; readonly password: string },
  kinds: readonly string[],
  leakproof: boolean,
): Promise<readonly string[]> {
  const options = poolOptions(session.get<AppConfig>(APP_CONFIG));
  const owner = session.get(ServerOwner).of(server, database);
  return asSuperuser(owner, superuser, options, (client) => markOperators(client, kinds, { leakproof, role }));
}

async function superuserPassword({ terminal }: CommandContext, options: MarkOptions): Promise<string> {
  const password = await secretInput(terminal, {
    variable: 'TENANTRY_SUPERUSER_PASSWORD',
    option: '--superuser-password-stdin',
    fromStdin: options.superuserPasswordStdin ?? false,
  });
  if (password !== undefined) return password;
  throw new UsageError(
    'the password of a superuser is expected in TENANTRY_SUPERUSER_PASSWORD, or with --superuser-password-stdin; --dry-run prints the SQL instead',
  );
}

/** @throws UsageError */
function kindsOf(list: string): OperatorKind[] {
  const names = [...new Set(list.split(',').map((name) => name.trim().toLowerCase()))];
  return names.map((name) => {
    const refused = Object.hasOwn(REFUSED_KINDS, name) ? REFUSED_KINDS[name] : undefined;
    if (refused !== undefined) throw new UsageError(`${name} is never marked: ${refused}`);
    const kind = OPERATOR_KINDS.find((known) => known.name === name);
    if (kind) return kind;
    throw new UsageError(`--kinds expects some of ${OPERATOR_KINDS.map((known) => known.name).join(', ')}`);
  });
}

/** @throws NotFoundError for an unknown server, UsageError where it has no tenants */
async function targetsOf({ session }: CommandContext, serverName: string): Promise<ConnectionTargetEntity[]> {
  const { id } = await session.get(Servers).read(serverName);
  const targets = (await session.get(TargetDatabases).all()).filter(({ serverId }) => serverId === id);
  if (targets.length === 0) throw new UsageError(`the server ${serverName} has no databases with tenants`);
  return targets;
}

async function record(
  { session, actor }: CommandContext,
  serverName: string,
  kinds: readonly string[],
  leakproof: boolean,
  databases: readonly { readonly database: string; readonly statements: readonly string[] }[],
): Promise<void> {
  const changed = databases.filter(({ statements }) => statements.length > 0).map(({ database }) => database);
  if (changed.length === 0) return;
  const server = await session.get(Servers).read(serverName);
  await session.catalog.transaction((catalog) =>
    session.get(AuditLog).record(catalog, {
      ...{ actor, subjectKind: 'server', subjectId: server.id, subject: server.name },
      ...{
        action: leakproof ? 'server.leakproof-mark' : 'server.leakproof-unmark',
        after: { kinds, databases: changed },
      },
    }),
  );
}
