import { type FileChange, textOf } from '../host/file-change.js';
import type { HostProject } from '../host/host-project.js';

/** A file that is left as it is, and what to write into it. */
export interface ManualStep {
  readonly path: string;
  readonly reason: string;
  readonly lines: readonly string[];
}

export interface InitPlan {
  readonly changes: readonly FileChange[];
  readonly manual: readonly ManualStep[];
}

/** Reads files and collects changes; nothing is written. */
export class PlanBuilder implements InitPlan {
  readonly changes: FileChange[] = [];
  readonly manual: ManualStep[] = [];

  constructor(readonly project: HostProject) {}

  /** The file as it is; undefined when there is none. */
  text(path: string): Promise<string | undefined> {
    return textOf(this.project.root, path);
  }

  /** Adds a change, unless the file has that text already. */
  addChange(change: FileChange): void {
    if (change.before !== change.after) this.changes.push(change);
  }

  addManualStep(step: ManualStep): void {
    this.manual.push(step);
  }
}
