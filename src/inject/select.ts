import { accept, refuse, type ValueType } from '../shared/option-table.ts';
import type { Resource } from './workload.ts';

/** Names the workloads that are meant: `web` or `Deployment/web`. */
export interface Selector {
  readonly text: string;
  /** In lower case; undefined for any. */
  readonly kind: string | undefined;
  readonly name: string;
}

export const selectorValue: ValueType<Selector> = {
  label: 'kind/name',
  parse(text) {
    const [, kind, name] = /^(?:([A-Za-z]+)\/)?([^/\s]+)$/.exec(text) ?? [];
    if (name !== undefined) return accept({ text, kind: kind?.toLowerCase(), name });
    return refuse('names no workload', 'write a name, or kind and name like Deployment/web');
  },
};

export function isMeant({ kind, name }: Selector, resource: Resource): boolean {
  return name === resource.name && (kind === undefined || kind === resource.kind.toLowerCase());
}
