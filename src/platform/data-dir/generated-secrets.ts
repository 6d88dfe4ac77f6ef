import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DataDirNotWritableError, SecretsFileInvalidError } from './data-dir.errors.js';
import { inDataDir } from './data-dir.js';
import { withLockFile } from './exclusive-lock-file.js';
import { parseJson } from '../parse-json.js';
import { systemCode, systemReason } from './system-error.js';

const secretsSchema = z.record(z.string(), z.string().min(1));

/** In `DATA_DIR`. */
export const SECRETS_FILE = 'secrets.json';

/**
 * Secrets that were not configured and must survive a restart, saved in `DATA_DIR/secrets.json` (mode 0600). Neither
 * the file nor the folder (mode 0700) is created before the first secret is generated.
 */
export class GeneratedSecrets {
  readonly path: string;

  /** @param dataDir absolute path */
  constructor(private readonly dataDir: string) {
    this.path = join(dataDir, SECRETS_FILE);
  }

  /**
   * Returns the named secret, generating it on first use. Concurrent processes all get the same one.
   *
   * @throws SecretsFileInvalidError, SecretsFileLockedError, DataDirNotWritableError
   */
  getOrCreate(name: string, generate: () => string): string {
    return this.read().get(name) ?? this.create(name, generate);
  }

  private create(name: string, generate: () => string): string {
    return inDataDir(this.dataDir, () =>
      withLockFile(`${this.path}.lock`, () => {
        // Another process may have generated it while this one waited for the lock.
        const secrets = this.read();
        const existing = secrets.get(name);
        if (existing !== undefined) return existing;
        const secret = generate();
        this.replaceFile(secrets.set(name, secret));
        return secret;
      }),
    );
  }

  private read(): Map<string, string> {
    const content = this.content();
    if (content === undefined) return new Map();
    const secrets = secretsSchema.safeParse(parseJson(content));
    if (!secrets.success) throw new SecretsFileInvalidError(this.path, 'is not a JSON object of non-empty strings');
    return new Map(Object.entries(secrets.data));
  }

  private content(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      if (systemCode(error) === 'ENOTDIR') throw new DataDirNotWritableError(this.dataDir, { cause: error });
      throw new SecretsFileInvalidError(this.path, `cannot be read: ${systemReason(error)}`, { cause: error });
    }
  }

  /** Atomic: under its final name the file is always complete, even after a power failure. */
  private replaceFile(secrets: ReadonlyMap<string, string>): void {
    const temporary = `${this.path}.tmp`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeFileSync(file, `${JSON.stringify(Object.fromEntries(secrets), null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
  }
}
