/** What a finding is about: the tables and roles, the entities' repositories, or the application's routes. */
export type FindingArea = 'database' | 'entities' | 'routes';

/** One way in which tenants are not kept apart, or something that could not be checked. */
export interface Finding {
  /** Stable. */
  readonly code: FindingCode;
  /** `table notes`, `entity Note`, `GET /notes/:id`, `query notes`, `message NotesGateway.list`. */
  readonly where: string;
  /** One line. */
  readonly message: string;
}

/** What each code means, and which part of the check reports it. */
const FINDING_CODES = {
  ROLE_BYPASSES_POLICIES: 'database',
  TABLE_NOT_ISOLATED: 'database',
  TABLE_NOT_CLASSIFIED: 'database',
  SHARED_TABLE_WRITABLE: 'database',
  KEY_WITHOUT_TENANT: 'database',
  ROWS_NEEDED: 'entities',
  ENTITY_READS_OTHER_TENANT: 'entities',
  ENTITY_CHANGES_OTHER_TENANT: 'entities',
  CHECK_FAILED: 'entities',
  CALLER_NEEDED: 'routes',
  ROUTES_NOT_REACHED: 'routes',
  ROUTE_NOT_CLASSIFIED: 'routes',
  HANDLER_NOT_CLASSIFIED: 'routes',
  ROUTE_ANSWERS_ANYONE: 'routes',
  ROUTE_LEAKS: 'routes',
  ROUTE_LEAKS_EARLIER_ANSWER: 'routes',
  ROUTE_LEAKS_CONCURRENTLY: 'routes',
  ROUTE_CHANGES_OTHER_TENANT: 'routes',
} as const satisfies Record<string, FindingArea>;

/** What a finding is about. */
export type FindingCode = keyof typeof FINDING_CODES;

export function areaOf({ code }: Finding): FindingArea {
  return FINDING_CODES[code];
}

/** `GET /notes/:id: answers … (ROUTE_LEAKS)` */
export function lineOf({ code, where, message }: Finding): string {
  return `${where}: ${message} (${code})`.replaceAll(/\s+/g, ' ');
}
