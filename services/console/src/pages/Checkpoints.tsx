// Checkpoints, and what can be done with one: solve, train on, download, promote to a model's name, delete.
import { useSignal } from "@preact/signals";
import { request, send } from "../api/client";
import { useAction } from "../api/resource";
import type { Checkpoint } from "../api/types";
import { href } from "../router";
import { bytes, moment, percent, whole } from "../ui/format";
import { Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

const HEAD = ["Step", "Exact accuracy", "Size", "Digest", "Saved (UTC)", ""];

export function Checkpoints({ of: found, after }: { of: Checkpoint[]; after: () => void }) {
  const row = (one: Checkpoint) => (
    <tr key={one.id}>
      <td>{whole(one.step)}<small class="mono">{one.id}</small></td>
      <td>{percent(one.metrics["test_exact_accuracy"] ?? one.metrics["exact_accuracy"])}{one.metrics["test_exact_accuracy"] != null && <small>test split</small>}</td>
      <td>{bytes(one.bytes)}</td>
      <td class="mono">{one.digest.slice(0, 12)}</td>
      <td>{moment(one.created_at)}</td>
      <td>
        <span class="row">
          <a class="button" href={href("solve", { model: one.id })}>Solve</a>
          <a class="button" href={href("train", { from: one.id })}>Train on</a>
          <More of={one} after={after} />
        </span>
      </td>
    </tr>
  );
  return <Table label="Checkpoints" head={HEAD} rows={found} row={row} empty="None yet." />;
}

function More({ of: one, after }: { of: Checkpoint; after: () => void }) {
  const open = useSignal(false);
  const told = useSignal("");
  const { problem, act: run } = useAction(after);
  const act = (action: () => Promise<string>) => run(async () => void (told.value = await action()));
  const promote = (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get("name"));
    void act(async () => {
      await send("POST", "v1/models", { name, checkpoint: one.id });
      return `${name} is this checkpoint now.`;
    });
  };
  return (
    <>
      <button type="button" aria-expanded={open.value} aria-label={`More for step ${one.step}`} onClick={() => (open.value = !open.value)}>More</button>
      {open.value && (
        <span class="row more">
          <button type="button" onClick={() => void act(() => download(one.id))}>Download</button>
          <form class="row" onSubmit={promote}>
            <input name="name" required aria-label="Name of the model" placeholder="sudoku-prod" />
            <button>Promote</button>
          </form>
          <button type="button" class="danger" onClick={() => confirm(`Delete ${one.id}? What solves with it stops working.`) && void act(() => send("DELETE", `v1/checkpoints/${one.id}`).then(() => "Deleted."))}>Delete</button>
          {told.value && <span role="status">{told.value}</span>}
          <ProblemNote problem={problem.value} />
        </span>
      )}
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
