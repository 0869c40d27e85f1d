import { Environment } from '@marcbachmann/cel-js';

/** One operation of a JSON patch (RFC 6902). */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'move';
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

export interface PolicySpec {
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly mutations: readonly { readonly jsonPatch: { readonly expression: string } }[];
}

/**
 * Applies the JSON patches of a MutatingAdmissionPolicy to an object. What Kubernetes adds to CEL is stood in
 * for: `lists.indexOf`, and `JSONPatch{…}`, which becomes a map.
 */
export function applyPolicy<T>(spec: PolicySpec, object: T): T {
  const environment = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
  }).registerFunction('list.indexOf(dyn): int', (list: unknown[], item: unknown) =>
    BigInt(list.indexOf(item)),
  );
  const variables: Record<string, unknown> = {};
  const evaluate = (expression: string): unknown =>
    environment.evaluate(toMaps(expression), { object, variables });
  for (const { name, expression } of spec.variables) variables[name] = evaluate(expression);
  const operations = spec.mutations.flatMap(
    ({ jsonPatch }) => evaluate(jsonPatch.expression) as PatchOperation[],
  );
  const patched = structuredClone(object);
  for (const operation of operations) applyOperation(patched, operation);
  return patched;
}

function toMaps(expression: string): string {
  return expression
    .replaceAll('JSONPatch{', '{')
    .replace(/([{,]\s*)(op|path|from|value):/g, '$1"$2":');
}

function applyOperation(root: unknown, { op, path, from, value }: PatchOperation): void {
  const { parent, key } = resolve(root, path);
  switch (op) {
    case 'replace':
      if (!(key in parent)) throw new Error(`replace: nothing is at ${path}`);
      parent[key] = toPlain(value);
      return;
    case 'add':
      insert(parent, key, toPlain(value));
      return;
    case 'move': {
      const source = resolve(root, from ?? '');
      if (!Array.isArray(source.parent)) throw new Error(`move: ${from} is in no list`);
      const [moved] = source.parent.splice(Number(source.key), 1);
      insert(parent, key, moved);
    }
  }
}

type Keyed = Record<string, unknown>;

function insert(parent: Keyed, key: string, value: unknown): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 0, value);
  else parent[key] = value;
}

function resolve(root: unknown, pointer: string): { readonly parent: Keyed; readonly key: string } {
  const keys = pointer.split('/').slice(1);
  const key = keys.pop() ?? '';
  const parent = keys.reduce((node, each) => (node as Keyed)[each], root);
  if (typeof parent !== 'object' || parent === null) throw new Error(`nothing holds ${pointer}`);
  return { parent: parent as Keyed, key };
}

/** CEL's integers are BigInts. */
function toPlain(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
