// Generated from the OpenAPI document: see console/api-types.mjs.

export type ApiKey = {
  readonly id: string;
  readonly name: string | null;
  readonly impersonatedBy: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
};

export type AuditEntry = {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly actorId: string | null;
  readonly address: string | null;
  readonly requestId: string | null;
  readonly action: string;
  readonly subjectKind:
    'tenant' | 'server' | 'operation' | 'api-key' | 'admin-key' | 'operator' | 'reference-table' | 'plan' | 'fleet';
  readonly subjectId: string;
  readonly subject: string;
  readonly tenantId: string | null;
  readonly refusedAttempts: number | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
};

export type Backup = {
  readonly id: string;
  readonly tenantId: string;
  readonly tenant: string | null;
  readonly operationId: string;
  readonly objectKey: string;
  readonly state: 'writing' | 'kept' | 'unreadable';
  readonly takenAt: string | null;
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly schemaVersion: string | null;
  readonly verifiedAt: string | null;
  readonly drilledAt: string | null;
  readonly expiresAt: string | null;
  readonly createdAt: string;
};

export type Countries = {
  readonly items: readonly {
    readonly code: string;
    readonly name: string;
  }[];
};

export type CreatedTenant = {
  readonly tenant: Tenant;
  readonly operation: Operation;
};

export type CurrentOperator = {
  readonly id: string | null;
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly limitedTo: {
    readonly tenants: readonly string[];
    readonly groups: readonly string[];
  } | null;
};

export type CurrentUsage = {
  readonly items: readonly {
    readonly tenantId: string;
    readonly tenant: string | null;
    readonly requests: number;
    readonly runs: number;
    readonly errors: number;
    readonly durationMs: number;
    readonly statements: number;
    readonly waitMs: number;
    readonly databaseMs: number;
    readonly rowsRead: number;
    readonly rowsWritten: number;
  }[];
  readonly totals: {
    readonly requests: number;
    readonly runs: number;
    readonly errors: number;
    readonly durationMs: number;
    readonly statements: number;
    readonly waitMs: number;
    readonly databaseMs: number;
    readonly rowsRead: number;
    readonly rowsWritten: number;
    readonly p95Ms: number | null;
  } | null;
};

export type Customer = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly country: string | null;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type CustomerChange = {
  readonly version: number;
  readonly email?: string;
  readonly name?: string;
  readonly country?: string | null;
};

export type DoctorReport = {
  readonly healthy: boolean;
  readonly checkedAt: string;
  readonly durationMs: number;
  readonly findings: readonly {
    readonly check: string;
    readonly verdict: 'ok' | 'warn' | 'fail';
    readonly subject?: string;
    readonly message: string;
    readonly remedy?: string;
  }[];
};

export type EmptyServer = {
  readonly kind: 'empty-server';
  readonly server: string;
  readonly to?: string;
  readonly atOnce?: number;
};

export type EnforceStamps = {
  readonly kind: 'enforce-stamps';
};

export type Export = {
  readonly id: string;
  readonly tenantId: string;
  readonly tenant: string | null;
  readonly objectKey: string;
  readonly recipients: readonly string[];
  readonly state: 'writing' | 'kept';
  readonly takenAt: string | null;
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly sha256: string | null;
  readonly expiresAt: string | null;
  readonly createdAt: string;
};

export type Impersonation = {
  readonly keyId: string;
  readonly token: string;
  readonly expiresAt: string;
};

export type Instance = {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly worker: number | null;
  readonly startedAt: string;
  readonly seenAt: string;
  readonly isSilent: boolean;
  readonly servers: readonly {
    readonly server: string;
    readonly lent: number;
    readonly needed: number;
    readonly open: number;
    readonly waiting: number;
  }[];
};

export type IssuedApiKey = {
  readonly id: string;
  readonly name: string | null;
  readonly impersonatedBy: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly token: string;
};

export type IssuedOperatorKey = {
  readonly operator: Operator;
  readonly token: string;
};

export type Maintenance = {
  readonly message?: string;
};

export type Memberships = {
  readonly items: readonly {
    readonly tenant: string;
    readonly role: 'admin' | 'member';
    readonly status: string;
  }[];
};

export type Migrate = {
  readonly kind: 'migrate';
  readonly tenants?: readonly string[];
  readonly canary?:
    | {
        readonly tenants: readonly string[];
      }
    | {
        readonly count: number;
      };
  readonly waveSize?: number;
  readonly parallelism?: number;
  readonly maxFailures?: number;
  readonly verify?: boolean;
  readonly onFailure?: 'serve' | 'maintenance';
  readonly message?: string;
  readonly lockTimeoutMs?: number;
  readonly attempts?: number;
};

export type MigrationPreview = {
  readonly to: string;
  readonly tenants: number;
  readonly units: number;
  readonly versions: readonly {
    readonly from: string;
    readonly tenants: number;
    readonly units: number;
    readonly servers: readonly {
      readonly server: string;
      readonly tenants: number;
      readonly units: number;
    }[];
    readonly migrations: readonly {
      readonly migration: string;
      readonly sql: readonly string[];
    }[];
    readonly late: readonly {
      readonly migration: string;
      readonly after: string;
    }[];
    readonly failure: {
      readonly code: string;
      readonly message: string;
    } | null;
  }[];
};

export type MigrationPreviewRequest = {
  readonly tenants?: readonly string[];
  readonly verify?: boolean;
  readonly lockTimeoutMs?: number;
  readonly attempts?: number;
};

export type MovePreview = {
  readonly tenantId: string;
  readonly slug: string;
  readonly from: {
    readonly isolation: 'row' | 'schema' | 'database';
    readonly server: string;
    readonly database: string;
    readonly schema: string;
  };
  readonly to: {
    readonly isolation: 'row' | 'schema' | 'database';
    readonly server: string;
    readonly database: string;
    readonly schema: string;
  };
  readonly obstacles: readonly string[];
  readonly notes: readonly string[];
  readonly creates: readonly {
    readonly what: 'login role' | 'database' | 'schema' | 'tables';
    readonly name: string;
  }[];
  readonly tables: readonly {
    readonly table: string;
    readonly rows: number;
    readonly isEstimated: boolean;
    readonly bytes: number;
  }[];
  readonly rows: number;
  readonly bytes: number;
  readonly areBytesEstimated: boolean;
  readonly copy: {
    readonly estimatedSeconds: number;
    readonly sampledBytes: number;
    readonly sampledMs: number;
  } | null;
  readonly waiting: {
    readonly limitMs: number;
    readonly attemptMs: number;
    readonly longestAttemptMs: number;
    readonly lastChanges: number;
    readonly sourceRoundTripMs: number | null;
    readonly destinationRoundTripMs: number | null;
    readonly olderTransactions: readonly {
      readonly pid: number | null;
      readonly role: string | null;
      readonly application: string | null;
      readonly state: string | null;
      readonly seconds: number;
    }[];
  };
  readonly connections: readonly {
    readonly server: string;
    readonly max: number;
    readonly open: number;
    readonly needed: number;
  }[];
};

export type NewApiKey = {
  readonly name?: string;
  readonly expiresInDays?: number;
};

export type NewBackup = {
  readonly tenant: string;
};

export type NewClone = {
  readonly slug: string;
  readonly isolation?: 'row' | 'schema' | 'database';
  readonly server?: string;
  readonly limits?: {
    readonly maxConcurrentStatements?: number;
    readonly maxQueuedStatements?: number;
    readonly maxConnections?: number;
    readonly maxConcurrentJobs?: number;
    readonly requestsPerSecond?: number;
    readonly requestsPerDay?: number;
    readonly maxStoredBytes?: number;
    readonly maxStoredRows?: number;
    readonly backupRetentionDays?: number;
    readonly backupEveryHours?: number;
  };
  readonly domains?: readonly string[];
  readonly masked?: boolean;
};

export type NewCustomer = {
  readonly email: string;
  readonly name: string;
  readonly country?: string | null;
};

export type NewExport = {
  readonly recipients?: readonly string[];
};

export type NewImpersonation = {
  readonly reason: string;
  readonly minutes?: number;
};

export type NewImport = {
  readonly from: string;
  readonly as: string;
  readonly isolation?: 'row' | 'schema' | 'database';
  readonly server?: string;
};

export type NewMove = {
  readonly isolation?: 'row' | 'schema' | 'database';
  readonly server?: string;
  readonly pace?: 'considerate' | 'full';
};

export type NewOperation =
  RotateCredentials | Reseal | EnforceStamps | RotateStampKey | Migrate | EmptyServer | RequestRebalance;

export type NewOperator = {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly limitedTo?: {
    readonly tenants?: readonly string[];
    readonly groups?: readonly string[];
  } | null;
  readonly expiresInDays?: number;
};

export type NewOperatorKey = {
  readonly expiresInDays?: number;
};

export type NewOrder = {
  readonly number: string;
  readonly customerId: string;
  readonly status?: 'draft' | 'placed' | 'paid' | 'shipped' | 'cancelled';
  readonly currency: string;
  readonly lines: readonly OrderLine[];
};

export type NewPlan = {
  readonly name: string;
  readonly description?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly features?: Readonly<Record<string, boolean>>;
  readonly limits?: {
    readonly maxConcurrentStatements?: number;
    readonly maxQueuedStatements?: number;
    readonly maxConnections?: number;
    readonly maxConcurrentJobs?: number;
    readonly requestsPerSecond?: number;
    readonly requestsPerDay?: number;
    readonly maxStoredBytes?: number;
    readonly maxStoredRows?: number;
    readonly backupRetentionDays?: number;
    readonly backupEveryHours?: number;
  };
};

export type NewRestore = {
  readonly as?: string;
  readonly isolation?: 'row' | 'schema' | 'database';
  readonly server?: string;
};

export type NewServer = {
  readonly name: string;
  readonly host: string;
  readonly port?: number;
  readonly furtherAddresses?: readonly {
    readonly host: string;
    readonly port?: number;
  }[];
  readonly tls?: 'disable' | 'require' | 'verify-full';
  readonly ownerRole: string;
  readonly ownerPassword: string;
  readonly maxConnections?: number | null;
  readonly replicas?: readonly {
    readonly host: string;
    readonly port?: number;
  }[];
  readonly maxTenants?: number | null;
  readonly maxBytes?: number | null;
  readonly labels?: Readonly<Record<string, string>>;
};

export type NewSession = {
  readonly email: string;
  readonly password: string;
};

export type NewTenant = {
  readonly slug: string;
  readonly isolation: 'row' | 'schema' | 'database';
  readonly server?: string;
  readonly placement?: Readonly<Record<string, string>>;
  readonly plan?: string;
  readonly limits?: {
    readonly maxConcurrentStatements?: number;
    readonly maxQueuedStatements?: number;
    readonly maxConnections?: number;
    readonly maxConcurrentJobs?: number;
    readonly requestsPerSecond?: number;
    readonly requestsPerDay?: number;
    readonly maxStoredBytes?: number;
    readonly maxStoredRows?: number;
    readonly backupRetentionDays?: number;
    readonly backupEveryHours?: number;
  };
  readonly domains?: readonly string[];
  readonly groups?: readonly string[];
};

export type NewTenants = {
  readonly tenants: readonly NewTenant[];
};

export type Operation = {
  readonly id: string;
  readonly kind: string;
  readonly status: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly tenantId: string | null;
  readonly subject: string;
  readonly steps: readonly {
    readonly name: string;
    readonly status: 'pending' | 'running' | 'finished' | 'failed';
  }[];
  readonly progress: {
    readonly done: number;
    readonly total: number;
  } | null;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: {
    readonly code: string;
    readonly message: string;
  } | null;
  readonly requiredHooks: readonly string[] | null;
  readonly attempts: number;
  readonly runAfter: string;
  readonly instance: string | null;
  readonly heartbeatAt: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
};

export type OperationHook = {
  readonly tenantId: string;
  readonly event: string;
  readonly hook: string;
  readonly status: 'running' | 'retrying' | 'succeeded' | 'failed';
  readonly attempts: number;
  readonly error: {
    readonly code: string;
    readonly message: string;
  } | null;
  readonly durationMs: number | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
};

export type OperationTenant = {
  readonly tenantId: string;
  readonly slug: string;
  readonly status: 'succeeded' | 'failed';
  readonly error: {
    readonly code: string;
    readonly message: string;
  } | null;
  readonly fromVersion: string | null;
  readonly toVersion: string | null;
  readonly durationMs: number;
  readonly finishedAt: string;
};

export type Operator = {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly limitedTo: {
    readonly tenants: readonly string[];
    readonly groups: readonly string[];
  } | null;
  readonly issuer: string | null;
  readonly keys: readonly OperatorKey[];
  readonly sessions: readonly OperatorSession[];
  readonly createdAt: string;
  readonly revokedAt: string | null;
};

export type OperatorChange = {
  readonly role?: 'viewer' | 'operator' | 'admin';
  readonly limitedTo?: {
    readonly tenants?: readonly string[];
    readonly groups?: readonly string[];
  } | null;
};

export type OperatorKey = {
  readonly id: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
};

export type OperatorSession = {
  readonly id: string;
  readonly createdAt: string;
  readonly expiresAt: string;
};

export type Order = {
  readonly id: string;
  readonly number: string;
  readonly customerId: string;
  readonly status: 'draft' | 'placed' | 'paid' | 'shipped' | 'cancelled';
  readonly currency: string;
  readonly total: number;
  readonly lines: readonly OrderLine[];
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type OrderChange = {
  readonly version: number;
  readonly status?: 'draft' | 'placed' | 'paid' | 'shipped' | 'cancelled';
  readonly lines?: readonly OrderLine[];
};

export type OrderLine = {
  readonly description: string;
  readonly quantity: number;
  readonly unitPrice: number;
};

export type OrderSummary = {
  readonly items: readonly {
    readonly status: 'draft' | 'placed' | 'paid' | 'shipped' | 'cancelled';
    readonly currency: string;
    readonly count: number;
    readonly total: number;
  }[];
};

export type OrdersReport = {
  readonly items: readonly {
    readonly tenant: string;
    readonly totals: readonly {
      readonly currency: string;
      readonly orders: number;
      readonly revenue: number;
    }[];
    readonly error?: string;
  }[];
};

export type Plan = {
  readonly name: string;
  readonly description: string | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly features: Readonly<Record<string, boolean>>;
  readonly limits: {
    readonly maxConcurrentStatements?: number;
    readonly maxQueuedStatements?: number;
    readonly maxConnections?: number;
    readonly maxConcurrentJobs?: number;
    readonly requestsPerSecond?: number;
    readonly requestsPerDay?: number;
    readonly maxStoredBytes?: number;
    readonly maxStoredRows?: number;
    readonly backupRetentionDays?: number;
    readonly backupEveryHours?: number;
  };
  readonly tenants: number;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type PlanChange = {
  readonly description?: string | null;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly features?: Readonly<Record<string, boolean | null>>;
  readonly limits?: {
    readonly maxConcurrentStatements?: number | null;
    readonly maxQueuedStatements?: number | null;
    readonly maxConnections?: number | null;
    readonly maxConcurrentJobs?: number | null;
    readonly requestsPerSecond?: number | null;
    readonly requestsPerDay?: number | null;
    readonly maxStoredBytes?: number | null;
    readonly maxStoredRows?: number | null;
    readonly backupRetentionDays?: number | null;
    readonly backupEveryHours?: number | null;
  };
};

export type Rebalance = {
  readonly goal: number;
  readonly reachesGoal: boolean;
  readonly fullest: {
    readonly before: number;
    readonly after: number;
  };
  readonly bytes: number;
  readonly leastBytes: number;
  readonly moves: readonly {
    readonly tenant: string;
    readonly tenantId: string;
    readonly isolation: 'row' | 'schema' | 'database';
    readonly from: string;
    readonly to: string;
    readonly bytes: number;
    readonly reason: string;
  }[];
  readonly servers: readonly {
    readonly server: string;
    readonly before: number;
    readonly after: number;
  }[];
};

export type ReferencePublication = {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
};

export type ReferenceTable = {
  readonly table: string;
  readonly version: number;
  readonly rows: number;
  readonly checksum: string;
  readonly publishedAt: string;
  readonly publishedBy: string;
  readonly places: number;
  readonly behind: number;
  readonly placesBehind: readonly {
    readonly server: string;
    readonly database: string;
    readonly schema: string;
    readonly version: number;
    readonly error: string | null;
  }[];
};

export type RequestRebalance = {
  readonly kind: 'rebalance';
  readonly goal?: number;
  readonly maxMoves?: number;
  readonly atOnce?: number;
};

export type Reseal = {
  readonly kind: 'reseal';
};

export type RotateCredentials = {
  readonly kind: 'rotate-credentials';
  readonly tenant?: string;
  readonly server?: string;
};

export type RotateStampKey = {
  readonly kind: 'rotate-stamp-key';
  readonly tenant?: string;
  readonly server?: string;
  readonly graceSeconds?: number;
};

export type Server = {
  readonly id: string;
  readonly name: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly furtherAddresses: readonly {
    readonly host: string;
    readonly port: number;
  }[];
  readonly tls: 'disable' | 'require' | 'verify-full';
  readonly ownerRole: string | null;
  readonly maxConnections: number | null;
  readonly replicas: readonly {
    readonly host: string;
    readonly port: number;
  }[];
  readonly maxTenants: number | null;
  readonly maxBytes: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly draining: boolean;
  readonly tenants: number;
  readonly databases: number;
  readonly storedBytes: number;
};

export type ServerChange = {
  readonly host?: string;
  readonly port?: number;
  readonly furtherAddresses?: readonly {
    readonly host: string;
    readonly port?: number;
  }[];
  readonly tls?: 'disable' | 'require' | 'verify-full';
  readonly ownerRole?: string;
  readonly ownerPassword?: string;
  readonly maxConnections?: number | null;
  readonly replicas?: readonly {
    readonly host: string;
    readonly port?: number;
  }[];
  readonly maxTenants?: number | null;
  readonly maxBytes?: number | null;
  readonly labels?: Readonly<Record<string, string>>;
};

export type ServerConnections = {
  readonly server: string;
  readonly max: number | null;
  readonly open: number | null;
  readonly limit: number | null;
  readonly lent: number;
  readonly instance: {
    readonly limit: number;
    readonly open: number;
    readonly waiting: number;
  } | null;
};

export type Session = {
  readonly token: string;
  readonly expiresAt: string;
};

export type Settings = {
  readonly tenant: string;
  readonly plan: string | null;
  readonly settings: Readonly<
    Record<
      string,
      {
        readonly value: unknown;
        readonly origin: 'default' | 'environment' | 'plan' | 'tenant';
        readonly refused?: readonly {
          readonly origin: 'default' | 'environment' | 'plan' | 'tenant';
          readonly reason: string;
        }[];
      }
    >
  >;
  readonly features: Readonly<
    Record<
      string,
      {
        readonly value: boolean;
        readonly origin: 'default' | 'environment' | 'plan' | 'tenant';
      }
    >
  >;
  readonly limits: Readonly<
    Record<
      string,
      {
        readonly value: number;
        readonly origin: 'default' | 'environment' | 'plan' | 'tenant';
      }
    >
  >;
  readonly own: {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly features: Readonly<Record<string, boolean>>;
    readonly limits: {
      readonly maxConcurrentStatements?: number;
      readonly maxQueuedStatements?: number;
      readonly maxConnections?: number;
      readonly maxConcurrentJobs?: number;
      readonly requestsPerSecond?: number;
      readonly requestsPerDay?: number;
      readonly maxStoredBytes?: number;
      readonly maxStoredRows?: number;
      readonly backupRetentionDays?: number;
      readonly backupEveryHours?: number;
    };
  };
  readonly unknown: readonly string[];
  readonly version: number;
};

export type SettingsChange = {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly features?: Readonly<Record<string, boolean | null>>;
};

export type StoredSize = {
  readonly tenant: string;
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly isEstimated: boolean;
  readonly measuredAt: string | null;
};

export type Tenant = {
  readonly id: string;
  readonly slug: string;
  readonly status: 'provisioning' | 'active' | 'suspended' | 'maintenance' | 'moving' | 'deleting' | 'failed';
  readonly isolation: 'row' | 'schema' | 'database';
  readonly server: string | null;
  readonly database: string | null;
  readonly schema: string | null;
  readonly schemaVersion: string | null;
  readonly plan: string | null;
  readonly limits: {
    readonly maxConcurrentStatements?: number;
    readonly maxQueuedStatements?: number;
    readonly maxConnections?: number;
    readonly maxConcurrentJobs?: number;
    readonly requestsPerSecond?: number;
    readonly requestsPerDay?: number;
    readonly maxStoredBytes?: number;
    readonly maxStoredRows?: number;
    readonly backupRetentionDays?: number;
    readonly backupEveryHours?: number;
  };
  readonly domains: readonly string[];
  readonly groups: readonly string[];
  readonly placement: Readonly<Record<string, string>> | null;
  readonly message: string | null;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type TenantChange = {
  readonly plan?: string | null;
  readonly limits?: {
    readonly maxConcurrentStatements?: number;
    readonly maxQueuedStatements?: number;
    readonly maxConnections?: number;
    readonly maxConcurrentJobs?: number;
    readonly requestsPerSecond?: number;
    readonly requestsPerDay?: number;
    readonly maxStoredBytes?: number;
    readonly maxStoredRows?: number;
    readonly backupRetentionDays?: number;
    readonly backupEveryHours?: number;
  };
  readonly domains?: readonly string[];
  readonly groups?: readonly string[];
  readonly placement?: Readonly<Record<string, string>> | null;
};

export type TenantCounts = {
  readonly total: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byIsolation: Readonly<Record<string, number>>;
  readonly byServer: Readonly<Record<string, number>>;
  readonly byPlan: Readonly<Record<string, number>>;
};

export type TenantHealth = {
  readonly slug: string;
  readonly status: string;
  readonly isolation: string;
  readonly database: 'up' | 'down' | 'none' | 'not-served';
  readonly reason?: string;
  readonly responseMs?: number;
};

export type TenantProfile = {
  readonly slug: string;
  readonly isolation: 'row' | 'schema' | 'database';
  readonly status: string;
};

export type Usage = {
  readonly at: string;
  readonly tenantId: string;
  readonly tenant: string | null;
  readonly requests: number;
  readonly runs: number;
  readonly errors: number;
  readonly durationMs: number;
  readonly statements: number;
  readonly waitMs: number;
  readonly databaseMs: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly storedBytes: number | null;
};

export type UsageTotals = {
  readonly items: readonly {
    readonly at: string;
    readonly requests: number;
    readonly runs: number;
    readonly errors: number;
    readonly durationMs: number;
    readonly statements: number;
    readonly waitMs: number;
    readonly databaseMs: number;
    readonly rowsRead: number;
    readonly rowsWritten: number;
    readonly storedBytes: number | null;
  }[];
};

export const TENANT_LIMITS = [
  { name: 'maxConcurrentStatements', description: 'connections of a target held at once', minimum: 1, maximum: 10000 },
  { name: 'maxQueuedStatements', description: 'callers that may wait for a connection', minimum: 1, maximum: 10000 },
  { name: 'maxConnections', description: 'connections held at once, over all instances', minimum: 1, maximum: 10000 },
  { name: 'maxConcurrentJobs', description: 'jobs run at once, over all instances', minimum: 1, maximum: 100000 },
  {
    name: 'requestsPerSecond',
    description: 'requests admitted per second, over all instances',
    minimum: 1,
    maximum: 1000000,
  },
  {
    name: 'requestsPerDay',
    description: 'requests admitted per day (UTC), over all instances',
    minimum: 1,
    maximum: 10000000000,
  },
  {
    name: 'maxStoredBytes',
    description: 'bytes stored, as measured, above which no rows are added',
    minimum: 1,
    maximum: 1125899906842624,
  },
  {
    name: 'maxStoredRows',
    description: 'rows stored, as measured, above which no rows are added',
    minimum: 1,
    maximum: 1000000000000,
  },
  { name: 'backupRetentionDays', description: 'days for which a backup is kept', minimum: 1, maximum: 36500 },
  {
    name: 'backupEveryHours',
    description: 'hours between two scheduled backups, at times of BACKUP_EVERY; by default all of these',
    minimum: 1,
    maximum: 8760,
  },
] as const;
