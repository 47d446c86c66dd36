// Files that a person has chosen.
import { Problem } from "./client";

/** A browser cannot send a file that was edited after it was chosen, and says only that the request failed. */
export async function requireUnchanged(file: File): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem("The file has changed since it was chosen", "Choose it again, so that what is sent is what you see.");
  }
}

/** A browser says nothing when the same file is chosen again, which may have been edited since. */
export function forget(event: { currentTarget: HTMLInputElement }): void {
  event.currentTarget.value = "";
}
