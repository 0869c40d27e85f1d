import type { Input, Unread } from '../../inject/inputs.ts';
import { toFinding } from '../finding.ts';
import type { Cluster } from './cluster.ts';
import { createCollector, type ReadSettings } from './collector.ts';
import { readContents } from './documents.ts';

/** Reads all inputs, whatever order their objects have. A fault becomes a finding, and the rest is read all the same. */
export function readCluster(inputs: readonly (Input | Unread)[], settings: ReadSettings): Cluster {
  const collector = createCollector(settings);
  for (const input of inputs) {
    if (!('text' in input)) {
      collector.skip(input);
      continue;
    }
    for (const content of readContents(input, settings.templatePaths)) {
      switch (content.kind) {
        case 'object':
          collector.add(content.resource, content.origin);
          break;
        case 'value':
          collector.addValue(content.value, content.origin, input.isFromFolder);
          break;
        case 'fault': {
          const { code, line, message, fix } = content.fault;
          collector.report(toFinding(code, message, fix), { file: input.name, line });
        }
      }
    }
  }
  return collector.finish();
}
