// Imported before the application: makes mistakes in it, as its developers might.
import 'reflect-metadata';
import { CustomersService } from '../../../dist/app/customers/customers.service.js';

const list = CustomersService.prototype.list;

CustomersService.prototype.list = function (page) {
  void forgetsToAwait(this.customers.manager);
  return list.call(this, page);
};

let kept;

/** Keeps the manager of the first call for all later ones. */
CustomersService.prototype.read = function () {
  kept ??= this.customers.manager;
  return kept.findOneOrFail(this.customers.target, { where: {} });
};

async function forgetsToAwait(manager) {
  await manager.query('SELECT 1 / 0 AS mistake');
}

process.on('SIGUSR2', () => setImmediate(() => throwsOutsideAnyPromise()));

function throwsOutsideAnyPromise() {
  throw new Error('a bug outside any promise');
}
