/** Subjects whose changes are remembered. Beyond that none is, and everything older is distrusted instead. */
const MOST = 100_000;

/** The newest version of each subject that this instance has heard of. */
export class HeardVersions {
  private readonly versions = new Map<string, number>();

  constructor(private readonly onOverflow: () => void) {}

  note(subject: string, version: number): void {
    if (version <= (this.versions.get(subject) ?? 0)) return;
    this.versions.set(subject, version);
    if (this.versions.size <= MOST) return;
    this.versions.clear();
    this.versions.set(subject, version);
    this.onOverflow();
  }

  isOutdated(subject: string, version: number): boolean {
    const heard = this.versions.get(subject);
    return heard !== undefined && version < heard;
  }
}
