import type { ReservedSlots } from './reserved-slots.js';
import { type BudgetMember, ServerBudget } from './server-budget.js';

/**
 * A budget whose slots are lent to it by the server's own: pools of reserved work share them as tenants' pools share a
 * server's. It asks for a slot per request that it cannot serve, and gives one back as soon as its connection has closed.
 */
export class LentBudget extends ServerBudget {
  constructor(private readonly slots: ReservedSlots) {
    super(0);
    slots.onChanged = (held) => this.onLent(held);
  }

  override request(member: BudgetMember): boolean {
    this.slots.want(this.open + this.waiting + 1);
    const isGranted = super.request(member);
    this.adjust();
    return isGranted;
  }

  override withdraw(member: BudgetMember): void {
    super.withdraw(member);
    this.adjust();
  }

  override leave(member: BudgetMember): void {
    super.leave(member);
    this.adjust();
  }

  override release(): void {
    super.release();
    this.adjust();
  }

  override releaseRefused(): void {
    super.releaseRefused();
    this.adjust();
  }

  private onLent(held: number): void {
    this.resize(held);
    this.adjust(); // a pool may not have used what it was granted
  }

  private adjust(): void {
    this.slots.want(this.open + this.waiting);
  }
}
