// Checkpoints, and what can be done with one: solve, train on, download, promote to a model's name, delete.
import { useSignal } from "@preact/signals";
import { request, send } from "../api/client";
import { useAction } from "../api/resource";
import type { Checkpoint } from "../api/types";
import { href } from "../router";
import { bytes, moment, percent, shortId, whole } from "../ui/format";
import { Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

const HEAD = ["Step", "Exact accuracy", "Size", "Saved (UTC)", ""];

export function Checkpoints({ of: found, mixed, after }: { of: Checkpoint[]; /** Of several runs. */ mixed?: boolean; after: () => void }) {
  const promoting = useSignal<Checkpoint | null>(null);
  const told = useSignal("");
  const { problem, act: run } = useAction(after);
  const act = (action: () => Promise<string>) => ((told.value = ""), run(async () => void (told.value = await action())));
  const remove = ({ id }: Checkpoint) => confirm(`Delete ${id}? What solves with it stops working.`) && void act(() => send("DELETE", `v1/checkpoints/${id}`).then(() => `${id} is deleted.`));
  const promote = (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get("name"));
    void act(async () => {
      const { id, step } = promoting.value!;
      await send("POST", "v1/models", { name, checkpoint: id });
      promoting.value = null;
      return `${name} is the checkpoint at step ${step} now.`;
    });
  };
  const row = (one: Checkpoint) => [
    <>{whole(one.step)}{mixed && <> of <a href={href(`runs/${one.run_id}`)}>{shortId(one.run_id)}</a></>}<small class="mono">{one.id}</small></>,
    <>{percent(one.metrics["test_exact_accuracy"] ?? one.metrics["exact_accuracy"])}{one.metrics["test_exact_accuracy"] != null && <small>test split</small>}</>,
    <>{bytes(one.bytes)}<small class="mono">{one.digest.slice(0, 8)}</small></>,
    moment(one.created_at),
    <>
      <span class="row">
        <a class="button" href={href("solve", { model: one.id })}>Solve</a>
        <a class="button" href={href("train", { from: one.id })}>Train on</a>
        <button aria-label={`Download step ${one.step}`} onClick={() => void act(() => download(one.id))}>Download</button>
        <button aria-label={`Promote step ${one.step}`} aria-expanded={promoting.value?.id === one.id} onClick={() => (promoting.value = promoting.value?.id === one.id ? null : one)}>Promote</button>
        <button aria-label={`Delete step ${one.step}`} class="danger" onClick={() => remove(one)}>Delete</button>
      </span>
      {promoting.value?.id === one.id && (
        <form class="row" onSubmit={promote}>
          <input name="name" required aria-label="Name of the model" placeholder="sudoku-prod" />
          <button class="primary">Promote to this name</button>
        </form>
      )}
    </>,
  ];
  return (
    <>
      <p role="status" class={told.value && "note good"}>{told.value}</p>
      <ProblemNote problem={problem.value} />
      <Table label="Checkpoints" head={HEAD} rows={found} row={row} empty="None yet." />
    </>
  );
}

/** The archive as a file; read whole first, since the key travels in a header and no link can send one. */
async function download(id: string): Promise<string> {
  const response = await request(`v1/checkpoints/${id}/archive`);
  const address = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: `${id}.tar` });
  link.click();
  URL.revokeObjectURL(address);
  return "Downloaded.";
}
