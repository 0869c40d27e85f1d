import { readInputs } from '../../inject/inputs.ts';
import type { InjectIo } from '../../inject/io.ts';
import type { CheckResult } from '../engine/check.ts';
import { cleanLines } from './clean-text.ts';
import { toResults } from './report.ts';
import { type Fault, type Source, surveySources } from './survey.ts';

/**
 * Examines objects that somebody got from a cluster, or will apply to one. Files, folders and standard input are
 * read as `inject` reads them, and nothing else is asked.
 * @param names paths, and `-` for standard input.
 */
export async function examineFiles(
  io: InjectIo,
  names: readonly string[],
): Promise<readonly CheckResult[]> {
  const sources: Source[] = [];
  const faults: Fault[] = [];
  for (const input of await readInputs(names, io)) {
    if ('text' in input) sources.push(input);
    else if (input.finding.outcome.kind === 'failed') {
      faults.push({
        place: cleanLines(input.name),
        why: cleanLines(input.finding.outcome.error),
        isFromFolder: false,
      });
    }
  }
  return toResults(surveySources(sources, faults));
}
