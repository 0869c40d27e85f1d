import { CORE_SCHEMA, defineScalarTag, intCoreTag, load, mergeTag } from 'js-yaml';
import { isBounded } from './bounded.ts';
import { octalPattern, parseOctal } from './octal.ts';
import type { Value } from './value.ts';

const intTag = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: intCoreTag.implicitFirstChars,
  identify: () => false,
  resolve: (source, isExplicit, tagName) =>
    octalPattern.test(source)
      ? parseOctal(source)
      : intCoreTag.resolve(source, isExplicit, tagName),
});

const schema = CORE_SCHEMA.withTags(mergeTag, intTag);

/**
 * What one document says, without where anything stands: about six times as fast as `parseDocument` and
 * with a fraction of its memory. It is the second opinion on every document that was edited as well.
 * @returns undefined if only `parseDocument` can tell: templates, YAML that this parser refuses, and values without
 * bounds.
 */
export function readValue(text: string): Value | undefined {
  const value = readAny(text);
  return value !== undefined && isBounded(value, text) ? value : undefined;
}

function readAny(text: string): Value | undefined {
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // YAML in flow style, or a template.
    }
  }
  if (/\{[{%]/.test(text)) return undefined;
  try {
    const value = load(text, { schema });
    return value === undefined ? null : (value as Value);
  } catch {
    return undefined;
  }
}
