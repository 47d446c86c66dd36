// What may be asked of a job, as buttons: the job's own links say which.
import { useSignal } from "@preact/signals";
import { send, type Problem } from "../api/client";
import { asProblem } from "../api/resource";
import type { Job } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";

const MOVES: [string, string][] = [["pause", "Pause"], ["resume", "Resume"], ["retry", "Retry"], ["cancel", "Cancel"]];

export function Moves({ job, after }: { job: Job; after: (job: Job) => void }) {
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const ask = async (move: string) => {
    busy.value = true;
    try {
      after(await send<Job>("POST", job.links[move]!));
      problem.value = null;
    } catch (error) {
      problem.value = asProblem(error);
    }
    busy.value = false;
  };
  const wanted = job.cancel_requested ? "Cancelling …" : job.pause_requested && job.status === "running" ? "Pausing …" : null;
  const ended = ["succeeded", "failed", "cancelled"].includes(job.status);
  return (
    <>
      {!ended && wanted && <span class="fine" role="status">{wanted}</span>}
      {MOVES.filter(([move]) => move in job.links).map(([move, name]) => (
        <button key={move} class={move === "cancel" ? "danger" : ""} disabled={busy.value || (wanted !== null && !ended)} onClick={() => void ask(move)}>
          {name}
        </button>
      ))}
      <ProblemNote problem={problem.value} />
    </>
  );
}
