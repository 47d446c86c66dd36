// A name for checkpoints: what it points at, what it has pointed at, and the way back.
import { send } from "../api/client";
import { useAction, usePage } from "../api/resource";
import type { Promoted } from "../api/types";
import { go, href } from "../router";
import { moment } from "../ui/format";
import { List } from "../ui/List";
import { Heading } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

export function PromotedPage({ of: { name, version }, after }: { of: Promoted; after: () => unknown }) {
  const versions = usePage<Promoted>(`v1/models/${name}/versions`);
  const { problem, act } = useAction(() => Promise.all([versions.reload(), after()]));
  const forget = () => confirm(`Forget the name ${name}? What solves with it stops working; its checkpoints stay.`) && void act(() => send("DELETE", `v1/models/${name}`).then(() => go("models")));
  const row = (one: Promoted) => [
    one.version,
    <code>{one.checkpoint_id}</code>,
    moment(one.created_at),
    <span class="row">
      <a class="button" href={href("solve", { model: one.checkpoint_id })}>Solve</a>
      {one.version !== version && <button onClick={() => void act(() => send("POST", "v1/models", { name, checkpoint: one.checkpoint_id }))}>Back to this</button>}
    </span>,
  ];
  return (
    <>
      <Heading title={name} sub="A name for checkpoints: solves that name it use its newest version.">
        <button class="danger" onClick={forget}>Forget the name</button>
        <a class="button primary" href={href("solve", { model: name })}>Solve with it</a>
      </Heading>
      <ProblemNote problem={problem.value} />
      <List of={versions} label="Versions" head={["Version", "Checkpoint", "Since (UTC)", ""]} row={row} empty="It points at nothing." />
    </>
  );
}
