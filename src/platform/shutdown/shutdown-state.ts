import { Injectable } from '@nestjs/common';

/** Whether this process is shutting down. From then on it reports "not ready" and closes long-lived responses. */
@Injectable()
export class ShutdownState {
  private begun = false;

  get hasBegun(): boolean {
    return this.begun;
  }

  begin(): void {
    this.begun = true;
  }
}
