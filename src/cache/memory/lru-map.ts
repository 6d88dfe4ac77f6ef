interface Node<V> {
  readonly key: string;
  readonly value: V;
  older: Node<V> | undefined;
  newer: Node<V> | undefined;
}

/**
 * A bounded map that evicts the least recently used entry. The order of use is a linked list through the nodes:
 * deleting and re-inserting the `Map` key on each use was 4 times as expensive, because V8 keeps rehashing the table.
 */
export class LruMap<V extends object> {
  private readonly nodes = new Map<string, Node<V>>();
  private oldest: Node<V> | undefined;
  private newest: Node<V> | undefined;

  /** @param onRemoved called with each value that is deleted, replaced or evicted, but not by `clear` */
  constructor(
    private readonly maxSize: number,
    private readonly onRemoved?: (value: V) => void,
  ) {}

  get size(): number {
    return this.nodes.size;
  }

  get(key: string): V | undefined {
    const node = this.nodes.get(key);
    if (!node) return undefined;
    if (node !== this.newest) {
      this.unlink(node);
      this.append(node);
    }
    return node.value;
  }

  set(key: string, value: V): void {
    this.delete(key);
    const node = { key, value, older: undefined, newer: undefined };
    this.nodes.set(key, node);
    this.append(node);
    if (this.nodes.size > this.maxSize) this.deleteOldest();
  }

  delete(key: string): void {
    const node = this.nodes.get(key);
    if (!node) return;
    this.nodes.delete(key);
    this.unlink(node);
    this.onRemoved?.(node.value);
  }

  /** Deletes the least recently used entry, if there is one. */
  deleteOldest(): void {
    if (this.oldest) this.delete(this.oldest.key);
  }

  clear(): void {
    this.nodes.clear();
    this.oldest = undefined;
    this.newest = undefined;
  }

  private append(node: Node<V>): void {
    node.older = this.newest;
    node.newer = undefined;
    if (this.newest) this.newest.newer = node;
    else this.oldest = node;
    this.newest = node;
  }

  private unlink({ older, newer }: Node<V>): void {
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.newest = older;
  }
}
