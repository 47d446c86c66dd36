// Upload a model: the tar of an exported folder, or of another service's checkpoint.
import { useSignal } from "@preact/signals";
import { forget, useUpload } from "../api/files";
import type { Checkpoint } from "../api/types";
import { href } from "../router";
import { bytes } from "../ui/format";
import { Card, Field } from "../ui/parts";
import { bound } from "../ui/bound";
import { ProblemNote } from "../ui/ProblemNote";

export function ModelUpload({ after }: { after: () => void }) {
  const name = useSignal("");
  const { file, made, problem, busy, upload } = useUpload<Checkpoint>("v1/checkpoints", after);
  return (
    <Card wide title="Upload a model">
      <form class="upload" onSubmit={(event) => (event.preventDefault(), void upload({ name: name.value }))}>
        <fieldset>
          <Field label={<>File: a tar of a folder that <code>trm export</code> has written, or a downloaded checkpoint</>}>
            <input type="file" required accept=".tar" onClick={forget} onChange={(event) => (file.value = event.currentTarget.files?.[0] ?? file.value)} />
          </Field>
          <Field label="What to call it (optional)">
            <input maxLength={100} {...bound(name)} />
          </Field>
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
