import { accept, refuse, type ValueType } from '../shared/option-table.ts';

/** Any text of a shape that a pattern describes. */
function shapedValue(
  label: string,
  pattern: RegExp,
  fault: string,
  fix: string,
): ValueType<string> {
  return {
    label,
    parse: (text) => (pattern.test(text) ? accept(text) : refuse(fault, fix)),
  };
}

export const imageValue = shapedValue(
  'image',
  /^[a-zA-Z0-9][\w.:/-]*(?:@sha256:[0-9a-f]{64})?$/,
  'is not an image',
  'write it like registry.example/imds-proxy/proxy:1.0.0',
);

export const httpsUrlValue = shapedValue(
  'https-url',
  /^https:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/,
  'is not an https URL without user, query and fragment',
  'write it like https://host',
);

export const nameValue = shapedValue(
  'name',
  /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/,
  'is not a name that Kubernetes takes',
  'use lower case letters, digits, dots and hyphens',
);

const quantity = shapedValue(
  'quantity',
  /^[0-9]+(?:\.[0-9]+)?(?:m|k|[MGTPE]|[KMGTPE]i)?$/,
  'is not a quantity',
  'write it like 100m or 128Mi, or none',
);

/** A quantity of CPU or memory; `none` is undefined. */
export const quantityValue: ValueType<string | undefined> = {
  label: 'quantity|none',
  parse: (text) => (text === 'none' ? accept(undefined) : quantity.parse(text)),
};

/** `none`, `all`, or the names of containers. */
export const containersValue: ValueType<'none' | 'all' | readonly string[]> = {
  label: 'none|all|names',
  parse(text) {
    if (text === 'none' || text === 'all') return accept(text);
    const names = text.split(',').map((name) => name.trim());
    const wrong = names.find((name) => !nameValue.parse(name).ok);
    if (wrong === undefined) return accept(names);
    return refuse('is no list of containers', 'write none, all, or names with commas in between');
  },
};

/** `NAME=value`, as a variable of a container. */
export const variableValue: ValueType<readonly [string, string]> = {
  label: 'name=value',
  parse(text) {
    const [, name, value] = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(text) ?? [];
    if (name !== undefined && value !== undefined) return accept([name, value]);
    return refuse('is not a variable', 'write it like NAME=value');
  },
};
