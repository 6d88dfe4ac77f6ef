import { Injectable } from '@nestjs/common';
import type { Repository } from 'typeorm';
import {
  ConflictError,
  type ConstraintErrors,
  InjectTenantRepository,
  NotFoundError,
  withConstraintErrors,
} from '../../index.js';
import { type PageQuery, selectPage } from '../../rest.js';
import { Customer } from './customer.entity.js';
import type { CustomerChange, NewCustomer } from './customer.schemas.js';

const CONSTRAINT_ERRORS: ConstraintErrors = {
  customers_email_key: () => new ConflictError('another customer has this email'),
  orders_customer_id_fkey: () => new ConflictError('the customer has orders'),
};

@Injectable()
export class CustomersService {
  constructor(@InjectTenantRepository(Customer) private readonly customers: Repository<Customer>) {}

  /** Returns one row more than the page size when another page follows. */
  list(page: PageQuery): Promise<Customer[]> {
    return selectPage(this.customers.createQueryBuilder('customer'), page).getMany();
  }

  /** @throws ConflictError when the email is taken */
  async create(values: NewCustomer): Promise<Customer> {
    const customer = this.customers.create(values);
    await withConstraintErrors(CONSTRAINT_ERRORS, () => this.customers.insert(customer));
    return customer;
  }

  /** @throws NotFoundError */
  async read(id: string): Promise<Customer> {
    const customer = await this.customers.findOneBy({ id });
    if (!customer) throw new NotFoundError('customer');
    return customer;
  }

  /**
   * Optimistic locking: one statement checks the version and writes; TypeORM increments the version in it.
   *
   * @throws NotFoundError
   * @throws ConflictError when the version is outdated or the email is taken
   */
  async change(id: string, { version, ...values }: CustomerChange): Promise<Customer> {
    const { affected } = await withConstraintErrors(CONSTRAINT_ERRORS, () =>
      this.customers.update({ id, version }, values),
    );
    const customer = await this.read(id);
    if (affected === 0) throw new ConflictError('the customer has changed since it was read');
    return customer;
  }

  /**
   * @throws NotFoundError
   * @throws ConflictError when the customer has orders
   */
  async delete(id: string): Promise<void> {
    const { affected } = await withConstraintErrors(CONSTRAINT_ERRORS, () => this.customers.delete({ id }));
    if (affected === 0) throw new NotFoundError('customer');
  }
}
