import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

const path = join(import.meta.dirname, '../../docs/migration-plan.schema.json');

/** The schema that is published for `migrate --output=json`. */
export const planSchema = JSON.parse(readFileSync(path, 'utf8'));

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(planSchema);

/** Every way in which a printed plan differs from its schema. */
export function findSchemaFaults(printed: string): readonly string[] {
  if (validate(JSON.parse(printed))) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
