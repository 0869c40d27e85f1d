import { isMap, type Value, valueAt } from '../../inject/manifest/value.ts';
import { itemsOf } from '../../inject/pod/shape.ts';
import { toText } from './container.ts';

/** One requirement of a LabelSelector. */
interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** A LabelSelector as the API writes it. Without requirements it matches everything. */
export type Selector = readonly Requirement[];

export function toSelector(value: Value | undefined): Selector {
  const labels = valueAt(value, ['matchLabels']);
  return [
    ...Object.entries(isMap(labels) ? labels : {}).map(([key, label]) => ({
      key,
      operator: 'In',
      values: [String(label)],
    })),
    ...itemsOf(valueAt(value, ['matchExpressions'])).map((one) => ({
      key: toText(valueAt(one, ['key'])),
      operator: toText(valueAt(one, ['operator'])),
      values: itemsOf(valueAt(one, ['values'])).map(String),
    })),
  ];
}

export function matchesSelector(
  selector: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return selector.every(({ key, operator, values }) => {
    const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case 'In':
        return label !== undefined && values.includes(label);
      case 'NotIn':
        return label === undefined || !values.includes(label);
      case 'Exists':
        return label !== undefined;
      case 'DoesNotExist':
        return label === undefined;
      default:
        // An operator of a later Kubernetes: nothing is known of it, and nothing is claimed.
        return true;
    }
  });
}
