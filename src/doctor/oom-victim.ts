import { writeFileSync } from 'node:fs';

/** The score that makes the kernel choose a process before all others. Raising it takes no permission. */
const first = 1_000;

/**
 * Makes this process the one that the kernel ends if the memory of the container runs out, because the proxy has
 * the same limit. Where the kernel ends all processes of a container at once (`memory.oom.group`), it helps nothing.
 */
export function volunteerForOomKill(path = '/proc/self/oom_score_adj'): void {
  try {
    writeFileSync(path, `${first}`);
  } catch {
    // Not Linux, or /proc cannot be written. The doctor works as well.
  }
}
