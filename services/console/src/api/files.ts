// Files that a person has chosen, and their way to the service.
import { useSignal } from "@preact/signals";
import { Problem, send } from "./client";
import { asProblem } from "./resource";

/** A browser cannot send a file that was edited after it was chosen, and says only that the request failed. */
async function requireUnchanged(file: File): Promise<void> {
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

/** A form with a file: what came of sending it. */
export function useUpload<T>(path: string, after: () => void) {
  const file = useSignal<File | null>(null);
  const made = useSignal<T | null>(null);
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const upload = async (fields: Record<string, string | File | null>) => {
    if (!file.value) return;
    busy.value = true;
    made.value = problem.value = null;
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, file: file.value })) if (value) form.append(name, value);
    try {
      await requireUnchanged(file.value);
      made.value = await send<T>("POST", path, form);
      after();
    } catch (error) {
      problem.value = asProblem(error);
    }
    busy.value = false;
  };
  return { file, made, problem, busy, upload };
}
