import { Injectable } from '@nestjs/common';
import type { Repository } from 'typeorm';
import { ConflictError, InjectTenantRepository, NotFoundError } from '../../index.js';
import { type PageQuery, selectPage } from '../../rest.js';
import { Customer } from './customer.entity.js';
import type { CustomerChange, NewCustomer } from './customer.schemas.js';

@Injectable()
export class CustomersService {
  constructor(@InjectTenantRepository(Customer) private readonly customers: Repository<Customer>) {}

  /** Returns one row more than the page size when another page follows. */
  list(page: PageQuery): Promise<Customer[]> {
    return selectPage(this.customers.createQueryBuilder('customer'), page).getMany();
  }

  async create(values: NewCustomer): Promise<Customer> {
    const customer = this.customers.create(values);
    await this.customers.insert(customer);
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
   * @throws ConflictError when the version is outdated
   */
  async change(id: string, { version, ...values }: CustomerChange): Promise<Customer> {
    const { affected } = await this.customers.update({ id, version }, values);
    const customer = await this.read(id);
    if (affected === 0) throw new ConflictError('the customer has changed since it was read');
    return customer;
  }

  /** @throws NotFoundError */
  async delete(id: string): Promise<void> {
    const { affected } = await this.customers.delete({ id });
    if (affected === 0) throw new NotFoundError('customer');
  }
}
