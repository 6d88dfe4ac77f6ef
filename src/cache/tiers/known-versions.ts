/** Subjects whose versions are remembered. Beyond that all are forgotten, and the cache must distrust what it holds. */
const MAX_SUBJECTS = 100_000;

/** The newest version of each subject that was announced to this instance. */
export class KnownVersions {
  private readonly versions = new Map<string, number>();

  constructor(private readonly onOverflow: () => void) {}

  /**
   * Every announcement is a change and outdates everything known so far, whatever its number. Versions rise, but a lower
   * or equal one belongs to a row that was deleted and re-created, or to a source that has lost changes.
   */
  observe(subject: string, version: number): void {
    this.versions.set(subject, Math.max(version, this.of(subject) + 1));
    if (this.versions.size <= MAX_SUBJECTS) return;
    this.versions.clear();
    this.onOverflow();
  }

  /** 0 when no change of the subject was announced. */
  of(subject: string): number {
    return this.versions.get(subject) ?? 0;
  }

  /** For another history, whose versions have nothing in common with the present ones. */
  clear(): void {
    this.versions.clear();
  }

  isOutdated(subject: string, version: number): boolean {
    return version < this.of(subject);
  }
}
