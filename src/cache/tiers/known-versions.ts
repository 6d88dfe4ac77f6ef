/** Subjects whose changes are remembered. Beyond that none is, and everything older is distrusted instead. */
const MAX_SUBJECTS = 100_000;

/** The newest version of each subject that this instance has heard of. */
export class KnownVersions {
  private readonly versions = new Map<string, number>();

  constructor(private readonly onOverflow: () => void) {}

  /**
   * Versions rise. A lower one is of a row that was deleted and put back, or of a catalog that was restored: a change all
   * the same, so what is known until now is outdated by it.
   */
  note(subject: string, version: number): void {
    const known = this.of(subject);
    if (version === known) return;
    this.versions.set(subject, Math.max(version, known + 1));
    if (this.versions.size <= MAX_SUBJECTS) return;
    this.versions.clear();
    this.onOverflow();
  }

  /** 0 when nothing was heard of it. */
  of(subject: string): number {
    return this.versions.get(subject) ?? 0;
  }

  isOutdated(subject: string, version: number): boolean {
    return version < this.of(subject);
  }
}
