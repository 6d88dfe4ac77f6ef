import type { Command } from 'commander';
import { Idempotency, idempotencyKeySchema } from '../../admin/idempotency/idempotency.js';
import { OperatorRecords } from '../../admin/operators/operator-records.js';
import {
  newOperator,
  newOperatorKey,
  operatorChange,
  operatorKeyId,
  type OperatorView,
} from '../../admin/operators/operator.schemas.js';
import { Operators } from '../../admin/operators/operators.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { CommandContext, CommandRunners } from '../session/command-context.js';
import { wholeNumber } from '../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- operators create anna --role operator
  $ npm run tenantry -- operators create support --role viewer --groups emea,apac --expires-in-days 90
  $ npm run tenantry -- operators revoke anna`;

const STORE_NOW = 'Store the key now: only its hash is kept, so it cannot be shown again.';

/** `operators …` */
export function defineOperators(command: Command, { run }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES);
  command
    .command('list', { isDefault: true })
    .description('list operators (default)')
    .action(() => run(list));
  command
    .command('create <name>')
    .description('create an operator; the last line is its key, which is shown only once')
    .requiredOption('--role <role>', 'viewer (reads), operator (works on tenants) or admin')
    .option('--tenants <slugs>', 'limit it to these tenants, separated by commas', listOf)
    .option('--groups <names>', 'limit it to the tenants of these groups, separated by commas', listOf)
    .option('--expires-in-days <n>', 'days until the key expires (default: never)', wholeNumber)
    .option('--idempotency-key <key>', 'a repeated request with the same key returns the same operator')
    .action((name, options) => run((context) => create(context, name, options)));
  command
    .command('set <name>')
    .description("change an operator's role, or the tenants that it is limited to")
    .option('--role <role>', 'viewer, operator or admin')
    .option('--tenants <slugs>', 'limit it to these tenants, separated by commas', listOf)
    .option('--groups <names>', 'limit it to the tenants of these groups, separated by commas', listOf)
    .option('--unlimited', 'limit it to no tenants')
    .action((name, options) => run((context) => change(context, name, options)));
  command
    .command('revoke <name>')
    .description('revoke an operator: all its keys and sessions are refused at once')
    .action((name) => run((context) => revoke(context, name)));
  command
    .command('end-sessions <name>')
    .description('end all sessions of an operator, who may sign in again')
    .action((name) => run((context) => endSessions(context, name)));
  command
    .command('readmit <name>')
    .description('let a revoked operator sign in again through the OpenID provider')
    .action((name) => run((context) => readmit(context, name)));
  command
    .command('create-key <name>')
    .description('issue one more key of an operator; it is shown only once')
    .option('--expires-in-days <n>', 'days until it expires (default: never)', wholeNumber)
    .action((name, options) => run((context) => createKey(context, name, options)));
  command
    .command('revoke-key <name> <id>')
    .description('revoke a key of an operator: it is refused at once')
    .action((name, id) => run((context) => revokeKey(context, name, id)));
}

interface Limits {
  readonly tenants?: readonly string[];
  readonly groups?: readonly string[];
}

interface CreateOptions extends Limits {
  readonly role: string;
  readonly expiresInDays?: number;
  readonly idempotencyKey?: string;
}

interface ChangeOptions extends Limits {
  readonly role?: string;
  readonly unlimited?: true;
}

const COLUMNS = [
  { title: 'NAME', value: ({ name }: OperatorView) => name },
  { title: 'ROLE', value: ({ role }: OperatorView) => role },
  { title: 'LIMITED TO', value: ({ limitedTo }: OperatorView) => limitsText(limitedTo) },
  {
    title: 'KEYS',
    value: ({ keys }: OperatorView) =>
      keys
        .filter(({ revokedAt }) => revokedAt === null)
        .map(({ id }) => id)
        .join(' '),
  },
  { title: 'SESSIONS', value: ({ sessions }: OperatorView) => (sessions.length > 0 ? `${sessions.length}` : null) },
  { title: 'CREATED', value: ({ createdAt }: OperatorView) => createdAt },
  { title: 'REVOKED', value: ({ revokedAt }: OperatorView) => revokedAt },
];

async function list({ output, session }: CommandContext): Promise<void> {
  const { items } = await session.get(OperatorRecords).list();
  output.print(items, () => output.table(items, COLUMNS, 'no operators'));
}

async function create(context: CommandContext, name: string, options: CreateOptions): Promise<void> {
  const { output, session, actor } = context;
  const { role, expiresInDays, idempotencyKey } = options;
  const body = parseOrThrow(newOperator, { name, role, expiresInDays, limitedTo: limitsOf(options) ?? null });
  const key = parseOrThrow(idempotencyKeySchema, idempotencyKey);
  const request = { key, action: 'POST admin/v1/operators', body };
  const issued = await session
    .get(Idempotency)
    .run(request, (catalog) => session.get(Operators).create(catalog, body, actor));
  output.note(`Operator ${name}, ${role}. ${STORE_NOW}`);
  output.print(issued, () => [issued.token]);
}

async function change({ output, session, actor }: CommandContext, name: string, options: ChangeOptions): Promise<void> {
  const { role, unlimited } = options;
  const limitedTo = unlimited ? null : limitsOf(options);
  const request = { ...(role !== undefined && { role }), ...(limitedTo !== undefined && { limitedTo }) };
  const operator = await session.get(Operators).change(name, parseOrThrow(operatorChange, request), actor);
  output.print(operator, () => [
    `${name}: ${operator.role}, limited to ${limitsText(operator.limitedTo) ?? 'nothing'}`,
  ]);
}

async function revoke({ output, session, actor }: CommandContext, name: string): Promise<void> {
  const operator = await session.get(Operators).revoke(name, actor);
  output.print(operator, () => [`${name} is revoked`]);
}

async function endSessions({ output, session, actor }: CommandContext, name: string): Promise<void> {
  const operator = await session.get(Operators).endSessions(name, actor);
  output.print(operator, () => [`${name} has no open session`]);
}

async function readmit({ output, session, actor }: CommandContext, name: string): Promise<void> {
  const operator = await session.get(Operators).readmit(name, actor);
  output.print(operator, () => [`${name} may sign in again`]);
}

async function createKey(context: CommandContext, name: string, options: object): Promise<void> {
  const { output, session, actor } = context;
  const body = parseOrThrow(newOperatorKey, options);
  const request = { key: undefined, action: '', body };
  const issued = await session
    .get(Idempotency)
    .run(request, (catalog) => session.get(Operators).issueKey(catalog, name, body, actor));
  output.note(STORE_NOW);
  output.print(issued, () => [issued.token]);
}

async function revokeKey({ output, session, actor }: CommandContext, name: string, id: string): Promise<void> {
  const operator = await session.get(Operators).revokeKey(name, parseOrThrow(operatorKeyId, id), actor);
  output.print(operator, () => [`${id} is revoked`]);
}

function limitsOf({ tenants, groups }: Limits): object | undefined {
  return tenants || groups ? { ...(tenants && { tenants }), ...(groups && { groups }) } : undefined;
}

function limitsText(limitedTo: OperatorView['limitedTo']): string | null {
  return limitedTo && [...limitedTo.tenants, ...limitedTo.groups.map((name) => `group ${name}`)].join(', ');
}

function listOf(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}
