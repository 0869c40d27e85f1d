import * as kubernetes from '@kubernetes/client-node';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/**
 * Compares an object with the types that the Kubernetes API publishes, as strictly as the API server's
 * strict validation: an unknown field, or a value of another type, is a fault.
 * @returns one line per fault, such as `Pod.spec.containers[0].nmae: unknown field`.
 */
export function findTypeFaults(object: unknown): readonly string[] {
  const { apiVersion, kind, items } = Object(object);
  if (kind === 'List') {
    return items.flatMap((item: unknown) => findTypeFaults(item));
  }
  const [version] = String(apiVersion).split('/').reverse();
  const type = `${String(version).replace(/^v/, 'V')}${kind}`;
  return attributesOf(type) === undefined
    ? [`${apiVersion} ${kind}: unknown type`]
    : check(object, type, String(kind));
}

function check(value: unknown, type: string, path: string): readonly string[] {
  if (value === null || value === undefined) return [];
  const [, item] = /^Array<(.*)>$/.exec(type) ?? [];
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${path}: not a list`];
    return value.flatMap((each, index) => check(each, item, `${path}[${index}]`));
  }
  const [, entry] = /^\{ \[key: string\]: (.*); \}$/.exec(type) ?? [];
  if (entry !== undefined) {
    if (!isObject(value)) return [`${path}: not a map`];
    return Object.entries(value).flatMap(([key, each]) => check(each, entry, `${path}.${key}`));
  }
  switch (type) {
    case 'any':
      return [];
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type ? [] : [`${path}: ${typeof value} instead of ${type}`];
    case 'IntOrString':
      return ['string', 'number'].includes(typeof value) ? [] : [`${path}: neither int nor string`];
    case 'Date':
    case 'V1MicroTime':
      return typeof value === 'string' ? [] : [`${path}: not a time`];
    default:
      return checkObject(value, type, path);
  }
}

function checkObject(value: unknown, type: string, path: string): readonly string[] {
  const attributes = attributesOf(type);
  if (attributes === undefined) return [`${path}: type ${type} is not known`];
  if (!isObject(value)) return [`${path}: not an object`];
  return Object.entries(value).flatMap(([key, each]) => {
    const attribute = attributes.find(({ baseName }) => baseName === key);
    if (attribute === undefined) return [`${path}.${key}: unknown field`];
    return check(each, attribute.type, `${path}.${key}`);
  });
}

function attributesOf(type: string): readonly Attribute[] | undefined {
  const model: unknown = Object.entries(kubernetes).find(([name]) => name === type)?.[1];
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return undefined;
  const { getAttributeTypeMap } = model;
  return typeof getAttributeTypeMap === 'function' ? getAttributeTypeMap() : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
