/** Sets a value as the newest of the map. Beyond `maxSize`, the value that was set longest ago is deleted. */
export function setNewest<K, V>(map: Map<K, V>, key: K, value: V, maxSize: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > maxSize && !oldest.done) map.delete(oldest.value);
}
