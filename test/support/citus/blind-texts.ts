/** What of a transaction decides whether its settings reach the workers. */
export interface Block {
  /** Whether it was begun by a command of its own. */
  readonly isOpen: boolean;
  /** Whether `citus.propagate_set_commands` is `local`. */
  readonly propagates: boolean;
}

const CLOSED: Block = { isOpen: false, propagates: false };
const SETTING = String.raw`(?:app\.)?(tenant_id|tenant_proof|search_path)`;
const CALL = new RegExp(String.raw`(set_config\(')${SETTING}(')`, 'gi');
const SET = new RegExp(String.raw`^(\s*SET\s+(?:LOCAL\s+|SESSION\s+)?)${SETTING}\b`, 'i');
/** What a text of several commands becomes, one of which is a `SET LOCAL`: Citus would send all of it to each worker. */
const SEVERAL = `DO $$ BEGIN RAISE 'several commands in one text' USING ERRCODE = '0A000'; END $$`;

/**
 * A login role's text as a worker of Citus would see it, and the block behind it.
 *
 * `set_config()` and a session's `SET` of a stamp have no effect; `SET LOCAL` has one only in a block that was begun, and where
 * settings are propagated. Without effect means: another setting is set.
 */
export function blinded(
  text: string,
  isSimple: boolean,
  block: Block,
): { readonly text: string; readonly block: Block } {
  if (isSimple && /;\s*\S/.test(text) && /\bSET\s+LOCAL\b/i.test(text)) return { text: SEVERAL, block };
  if (/^\s*(?:BEGIN|START\s+TRANSACTION)\b/i.test(text)) return { text, block: { ...CLOSED, isOpen: true } };
  if (/^\s*(?:COMMIT|END|ABORT|ROLLBACK)\b(?!\s+TO\b)/i.test(text)) return { text, block: CLOSED };
  if (block.isOpen && /^\s*SET\s+LOCAL\s+citus\.propagate_set_commands\s*(?:=|TO)\s*'?local/i.test(text)) {
    return { text, block: { ...block, propagates: true } };
  }
  const isSeen = block.isOpen && block.propagates && /^\s*SET\s+LOCAL\b/i.test(text);
  return { text: isSeen ? text : text.replace(CALL, '$1blind.$2$3').replace(SET, '$1blind.$2'), block };
}

/** Fields of an error that Citus does not pass on: schema, table, column, type and constraint. */
const NOT_PASSED_ON = 'stcdn';
const SHARD = '_102008';

/** The body of an error about a constraint as Citus passes it on from a worker: the names of relations and constraints are those of a shard. */
export function asWorkerSays(body: Buffer): Buffer {
  const fields = body
    .toString('utf8')
    .split('\0')
    .filter((field) => field !== '');
  if (!fields.some((field) => /^C23/.test(field))) return body;
  const said = fields
    .filter((field) => !NOT_PASSED_ON.includes(field[0] ?? ''))
    .map((field) => {
      if (field.startsWith('R')) return 'RReportResultError';
      return field.startsWith('M')
        ? field.replaceAll(/\b(relation|table|constraint) "([^"]+)"/g, `$1 "$2${SHARD}"`)
        : field;
    });
  return Buffer.from(`${said.join('\0')}\0\0`);
}
