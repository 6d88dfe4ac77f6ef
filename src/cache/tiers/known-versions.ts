/** Subjects whose versions are remembered. Beyond that all are forgotten, and the cache must distrust what it holds. */
const MAX_SUBJECTS = 100_000;

/** The newest version of each subject that was announced to this instance. */
export class KnownVersions {
  private readonly versions = new Map<string, number>();

  constructor(private readonly onOverflow: () => void) {}

  /**
   * Versions rise. A lower one belongs to a row that was deleted and re-created, or to a restored catalog. That is a
   * change too, so it outdates everything known so far.
   */
  observe(subject: string, version: number): void {
    const known = this.of(subject);
    if (version === known) return;
    this.versions.set(subject, Math.max(version, known + 1));
    if (this.versions.size <= MAX_SUBJECTS) return;
    this.versions.clear();
    this.onOverflow();
  }

  /** 0 when no change of the subject was announced. */
  of(subject: string): number {
    return this.versions.get(subject) ?? 0;
  }

  isOutdated(subject: string, version: number): boolean {
    return version < this.of(subject);
  }
}
