/** Whose tokens may stand for a managed identity. */
export interface Binding {
  readonly clientId: string;
  /** The subjects that RBAC lets use it, such as `system:serviceaccount:NAMESPACE:NAME`. */
  readonly subjects: readonly string[];
}

/** The identity bindings of a cluster, with its RBAC for them. IDs may be in any case. */
export interface Bindings {
  find(clientId: string): Binding | undefined;
  /** Adds a binding, in place of one of the same client ID. */
  put(binding: Binding): void;
  /** Whether there was one to remove. */
  remove(clientId: string): boolean;
  list(): readonly Binding[];
}

export function createBindings(): Bindings {
  const bindings = new Map<string, Binding>();
  return {
    find: (clientId) => bindings.get(clientId.toLowerCase()),
    put({ clientId, subjects }) {
      const key = clientId.toLowerCase();
      bindings.set(key, { clientId: key, subjects });
    },
    remove: (clientId) => bindings.delete(clientId.toLowerCase()),
    list: () => [...bindings.values()],
  };
}
