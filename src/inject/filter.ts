import { type Context, type Filtered, filterDocument, readDocument } from './filter-document.ts';
import { splitDocuments } from './manifest/split-documents.ts';
import { isMeant, type Selector } from './select.ts';
import { indexServiceAccounts } from './service-accounts.ts';
import type { Action } from './settings.ts';

export interface FilteredFiles {
  /** In the order of the input. */
  readonly files: readonly Filtered[];
  /** Those that name no object of the input. */
  readonly unmatched: readonly Selector[];
}

/**
 * Injects the pods of all documents of some files, or undoes that. A document that is at fault stays as it
 * is and the others are done all the same. Files are taken together because a workload and its
 * ServiceAccount may be in different ones.
 * @param only the workloads to change; all if undefined.
 */
export function filterManifests(
  files: readonly string[],
  action: Action,
  only?: readonly Selector[],
): FilteredFiles {
  const read = files.map((file) => {
    const mark = file.startsWith('\uFEFF') ? '\uFEFF' : '';
    return { mark, documents: splitDocuments(file.slice(mark.length)).map(readDocument) };
  });
  const resources = read.flatMap(({ documents }) =>
    documents.flatMap((document) => ('resources' in document ? document.resources : [])),
  );
  const context: Context = {
    action,
    isSelected: (resource) => only?.some((selector) => isMeant(selector, resource)) ?? true,
    findServiceAccount: indexServiceAccounts(resources),
  };
  const unmatched = only?.filter(
    (selector) => !resources.some((resource) => isMeant(selector, resource)),
  );
  return {
    files: read.map(({ mark, documents }) => {
      const parts = documents.map((document) => filterDocument(document, context));
      return {
        text: mark + parts.map(({ text }) => text).join(''),
        findings: parts.flatMap(({ findings }) => findings),
      };
    }),
    unmatched: unmatched ?? [],
  };
}
