/**
 * Clean-up that must run even when the benchmark is interrupted or fails, when nothing asynchronous runs any
 * more. The last registered goes first.
 */
const undoings = new Set<() => void>();

process.once('exit', () => {
  for (const undo of [...undoings].reverse()) {
    try {
      undo();
    } catch {
      // The others are still to be undone.
    }
  }
});

/** @returns how to say that it has been undone in the usual way. */
export function undoAtExit(undo: () => void): () => void {
  undoings.add(undo);
  return () => undoings.delete(undo);
}
