const guid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** Whether a text is a GUID as Entra writes them, in any case. */
export function isGuid(text: string): boolean {
  return guid.test(text);
}
