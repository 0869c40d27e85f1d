/** Values that are worked out again when they are not here. */
export interface BoundedMemo<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  readonly size: number;
}

export interface MemoLimits {
  readonly maxEntries: number;
  /** A longer key is not kept, so that the entries' number limits their memory. */
  readonly maxKeyLength: number;
}

/**
 * A map that is emptied when it is full. To lose an entry costs working it out once; to keep track of
 * use, as a map that drops the oldest does, would cost every single look-up.
 */
export function createBoundedMemo<Value>({
  maxEntries,
  maxKeyLength,
}: MemoLimits): BoundedMemo<Value> {
  const entries = new Map<string, Value>();
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      if (key.length > maxKeyLength) return;
      if (entries.size >= maxEntries) entries.clear();
      entries.set(key, value);
    },
    get size() {
      return entries.size;
    },
  };
}
