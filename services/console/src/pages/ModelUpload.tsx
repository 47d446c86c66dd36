// Upload a model: the tar of an exported folder, or of another service's checkpoint.
import { useSignal } from "@preact/signals";
import { send, type Problem } from "../api/client";
import { forget, requireUnchanged } from "../api/files";
import { asProblem } from "../api/resource";
import type { Checkpoint } from "../api/types";
import { href } from "../router";
import { bytes } from "../ui/format";
import { Card } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

export function ModelUpload({ after }: { after: () => void }) {
  const file = useSignal<File | null>(null);
  const name = useSignal("");
  const busy = useSignal(false);
  const made = useSignal<Checkpoint | null>(null);
  const problem = useSignal<Problem | null>(null);
  const upload = async (event: Event) => {
    event.preventDefault();
    if (!file.value) return;
    busy.value = true;
    const form = new FormData();
    form.append("file", file.value);
    if (name.value) form.append("name", name.value);
    try {
      await requireUnchanged(file.value);
      made.value = await send<Checkpoint>("POST", "v1/checkpoints", form);
      problem.value = null;
      after();
    } catch (error) {
      made.value = null;
      problem.value = asProblem(error);
    }
    busy.value = false;
  };
  return (
    <Card wide title="Upload a model">
      <form class="upload" onSubmit={upload}>
        <fieldset>
          <label class="field tall">
            <span>File: a tar of a folder that <code>trm export</code> has written, or a downloaded checkpoint</span>
            <input type="file" required accept=".tar" onClick={forget} onChange={(event) => (file.value = event.currentTarget.files?.[0] ?? file.value)} />
          </label>
          <label class="field tall">
            <span>What to call it (optional)</span>
            <input maxLength={100} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          </label>
          <button class="primary" disabled={busy.value || !file.value}>{busy.value ? "Checking every number …" : file.value ? `Upload ${bytes(file.value.size)}` : "Upload"}</button>
        </fieldset>
      </form>
      <ProblemNote problem={problem.value} />
      {made.value && (
        <div class="note good" role="status">
          <b>It is a checkpoint now</b>: <span class="mono">{made.value.id}</span>, at step {made.value.step}. <a href={href("solve", { model: made.value.id })}>Solve with it</a>, or promote it to a name below.
        </div>
      )}
    </Card>
  );
}
