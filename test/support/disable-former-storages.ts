import { AsyncLocalStorage } from 'node:async_hooks';

/** Where node:async_hooks, which all spec files of a worker share, keeps what this file has found. */
const ENABLED = Symbol.for('tenantry.test.enabled-storages');

interface SharedPrototype {
  [ENABLED]?: Set<AsyncLocalStorage<unknown>>;
  /** Node 20 and 22; later versions have no list of storages. */
  _enable?(this: AsyncLocalStorage<unknown>): void;
}

// Every spec file has instances of its own of modules with an AsyncLocalStorage. Node visits each one that was ever used whenever a
// promise is created: behind a hundred files, that takes a hundred times as long.
const prototype = AsyncLocalStorage.prototype as unknown as SharedPrototype;
const { [ENABLED]: former, _enable: enable } = prototype;
if (former) {
  for (const storage of former) storage.disable();
  former.clear();
} else if (enable) {
  const enabled = new Set<AsyncLocalStorage<unknown>>();
  prototype[ENABLED] = enabled;
  prototype._enable = function () {
    enabled.add(this);
    enable.call(this);
  };
}
