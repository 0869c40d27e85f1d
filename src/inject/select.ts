import { accept, refuse, type ValueType } from '../shared/option-table.ts';
import { proxyAnnotations } from './contract.ts';
import { type Value, valueAt } from './manifest/value.ts';
import { readProxyRequest } from './proxy-request.ts';
import type { Resource } from './workload.ts';

/** Names the workloads that are meant: `web`, `Deployment/web` or `shop/Deployment/web`, with `*` in any part. */
export interface NamePattern {
  readonly text: string;
  readonly namespace: RegExp | undefined;
  readonly kind: RegExp | undefined;
  readonly name: RegExp;
}

export const namePatternValue: ValueType<NamePattern> = {
  label: 'namespace/kind/name',
  parse(text) {
    const parts = text.split('/');
    const [name, kind, namespace] = parts.toReversed();
    const isNamed = parts.every((part) => /^[\w.*-]+$/.test(part));
    if (name === undefined || !isNamed || parts.length > 3) {
      return refuse(
        'names no workload',
        'write a name, Kind/name or namespace/Kind/name, such as shop/Deployment/web; * stands for anything',
      );
    }
    return accept({
      text,
      name: toPattern(name, ''),
      kind: kind === undefined ? undefined : toPattern(kind, 'i'),
      namespace: namespace === undefined ? undefined : toPattern(namespace, ''),
    });
  },
};

/** Whether an object has the name; one without a namespace only has the namespace `*`. */
export function isNamed(
  { name, kind, namespace }: NamePattern,
  resource: Pick<Resource, 'name' | 'kind' | 'namespace'>,
): boolean {
  return (
    name.test(resource.name) &&
    (kind?.test(resource.kind) ?? true) &&
    (namespace?.test(resource.namespace ?? '') ?? true)
  );
}

function toPattern(part: string, flags: string): RegExp {
  const escaped = part.replaceAll(/[.\\+?^${}()|[\]]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`, flags);
}

/** One requirement of a label selector or of `--annotation`. */
export interface Requirement {
  readonly key: string;
  readonly is: 'in' | 'notin';
  /** undefined for any value at all. */
  readonly values: readonly string[] | undefined;
}

const requirement =
  /^\s*(?:(!?)\s*([\w./-]+)|([\w./-]+)\s*(==?|!=)\s*([\w.-]*)|([\w./-]+)\s+(in|notin)\s*\(([^()]*)\))\s*$/;

/** Label selectors as `kubectl --selector` takes them. */
export const labelSelectorValue: ValueType<readonly Requirement[]> = {
  label: 'selector',
  parse(text) {
    const requirements: Requirement[] = [];
    // A comma between brackets separates values.
    for (const part of text.split(/,(?![^()]*\))/)) {
      const [, not, bare, key = '', operator, value = '', setKey = '', set, values = ''] =
        requirement.exec(part) ?? [];
      if (bare !== undefined) {
        requirements.push({ key: bare, is: not === '!' ? 'notin' : 'in', values: undefined });
      } else if (operator !== undefined) {
        requirements.push({ key, is: operator === '!=' ? 'notin' : 'in', values: [value] });
      } else if (set !== undefined) {
        const list = values.split(',').map((one) => one.trim());
        requirements.push({ key: setKey, is: set === 'in' ? 'in' : 'notin', values: list });
      } else {
        return refuse(
          'is not a label selector',
          'write it like app=web,tier!=cache,stage in (a,b)',
        );
      }
    }
    return accept(requirements);
  },
};

/** `key` or `key=value`. */
export const annotationValue: ValueType<Requirement> = {
  label: 'key=value',
  parse(text) {
    const [, key, value] = /^([\w./-]+)(?:=(.*))?$/s.exec(text) ?? [];
    if (key === undefined)
      return refuse('is not an annotation', 'write it like example.com/team=a');
    return accept({ key, is: 'in', values: value === undefined ? undefined : [value] });
  },
};

/** Which workloads are meant; everything that is left undefined means all of them. */
export interface Selection {
  readonly only: readonly NamePattern[] | undefined;
  readonly except: readonly NamePattern[];
  readonly labels: readonly Requirement[];
  readonly annotations: readonly Requirement[];
  /** Only pods that ask for the proxy with one of the annotations for it. */
  readonly annotated: boolean;
  /** Pods that say no are changed all the same. */
  readonly ignoreOptOut: boolean;
}

export const everything: Selection = {
  only: undefined,
  except: [],
  labels: [],
  annotations: [],
  annotated: false,
  ignoreOptOut: false,
};

/** Why a pod is not meant; undefined if it is. */
export function whyNotSelected(
  resource: Resource,
  template: Value,
  selection: Selection,
): string | undefined {
  const { only, except, labels, annotations, annotated } = selection;
  if (only?.some((pattern) => isNamed(pattern, resource)) === false) return 'not selected';
  if (except.some((pattern) => isNamed(pattern, resource))) return 'not selected';
  const has = (map: string) => (one: Requirement) =>
    meets(one, valueAt(template, ['metadata', map, one.key]));
  if (!labels.every(has('labels')) || !annotations.every(has('annotations'))) return 'not selected';
  // One that is neither "true" nor "false" is selected, so that it is reported.
  const isAsked = ['wanted', 'unclear'].includes(readProxyRequest(template).kind);
  if (annotated && !isAsked) {
    return `not selected: no annotation ${proxyAnnotations.join(' or ')} is "true"`;
  }
  return undefined;
}

function meets({ is, values }: Requirement, found: Value | undefined): boolean {
  const isIn = found !== undefined && (values?.includes(String(found)) ?? true);
  return (is === 'in') === isIn;
}
