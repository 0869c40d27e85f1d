import { accept, refuse, type ValueType } from '../shared/option-table.ts';
import { textValue } from '../shared/option-values.ts';
import type { TemplatePath } from './kinds.ts';
import type { Mount, ProxyUser } from './settings.ts';

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

/** An image by tag, by digest, or by both. */
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

const unitSizes: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that a valid quantity stands for: CPUs or bytes. */
export function toAmount(text: string): number {
  const [, digits = '', unit = ''] = /^([0-9.]+)(.*)$/.exec(text) ?? [];
  return Number(digits) * (unitSizes[unit] ?? 1);
}

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
    return refuse(
      'is not a list of containers',
      'write none, all, or names with commas in between',
    );
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

/** `none`, `UID` or `UID:GID`. */
export const proxyUserValue: ValueType<ProxyUser | 'none'> = {
  label: 'none|uid[:gid]',
  parse(text) {
    if (text === 'none') return accept(text);
    const [, uid, gid = uid] = /^([1-9]\d{0,9})(?::([1-9]\d{0,9}))?$/.exec(text) ?? [];
    if (uid !== undefined && Math.max(Number(uid), Number(gid)) <= 2_147_483_647) {
      return accept({ uid: Number(uid), gid: Number(gid) });
    }
    return refuse('is not a user other than root', 'write none, an ID like 1501, or UID:GID');
  },
};

/** A path below the kubelet's folder of seccomp profiles. The API refuses absolute paths and `..`. */
export const profilePattern = '[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*';

/** `RuntimeDefault` (undefined), or `localhost/` and the path of a profile, as annotations had it. */
export const seccompProfileValue: ValueType<string | undefined> = {
  label: 'RuntimeDefault|localhost/path',
  parse(text) {
    if (text === 'RuntimeDefault') return accept(undefined);
    const [, path] = new RegExp(`^localhost/(${profilePattern})$`).exec(text) ?? [];
    if (path !== undefined) return accept(path);
    return refuse(
      "is not RuntimeDefault and not localhost/ with a path below the kubelet's seccomp folder",
      'write it like localhost/imds-proxy.json',
    );
  },
};

/** `NAME` or `NAME/KEY` of a ConfigMap or Secret. */
export function keyOfObjectValue(
  defaultKey: string,
): ValueType<{ readonly name: string; readonly key: string }> {
  return {
    label: 'name[/key]',
    parse(text) {
      const [, name = '', key = defaultKey] = /^([^/]+)(?:\/([\w.-]+))?$/.exec(text) ?? [];
      if (nameValue.parse(name).ok) return accept({ name, key });
      return refuse(
        'names no object',
        `write NAME, or NAME/KEY where the key is not ${defaultKey}`,
      );
    },
  };
}

/** `configmap/NAME:/PATH`, `secret/NAME:/PATH`, or `volume/NAME:/PATH` for a volume that the pod has. */
export const mountValue: ValueType<Mount> = {
  label: 'kind/name:path',
  parse(text) {
    const [, word = '', name = '', path = ''] = /^(\w+)\/([^:/]+):(\/[^\s:]+)$/.exec(text) ?? [];
    const kinds: Readonly<Record<string, Mount['kind']>> = {
      configmap: 'configMap',
      secret: 'secret',
      volume: 'volume',
    };
    const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined;
    if (kind !== undefined && nameValue.parse(name).ok) return accept({ kind, name, path });
    return refuse('is not a mount', 'write it like configmap/NAME:/PATH, secret/… or volume/…');
  },
};

/** `group/Kind=spec.template`; the core group is left out. */
export const templatePathValue: ValueType<TemplatePath> = {
  label: 'group/kind=path',
  parse(text) {
    const [, group = '', kind, path] =
      /^(?:([a-z0-9.-]+)\/)?([A-Za-z]\w*)=([\w.*-]+)$/.exec(text) ?? [];
    if (kind !== undefined && path !== undefined) return accept({ group, kind, path });
    return refuse(
      'is not the path of a pod template',
      'write it like example.com/Widget=spec.template; * stands for each item of a list',
    );
  },
};

export const fileValue: ValueType<string> = { ...textValue, label: 'file' };

/** Name of an environment variable. */
export const variableNameValue = shapedValue(
  'name',
  /^[A-Za-z_]\w*$/,
  'is not the name of a variable',
  'write its name without $',
);
