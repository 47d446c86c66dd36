// The executions of a job, newest first, and how each ended.
import { usePage } from "../api/resource";
import type { Attempt } from "../api/types";
import { between, moment, whole, words } from "../ui/format";
import { Pager, Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

const REFRESH_MILLISECONDS = 2000;

export function Attempts({ job, live }: { job: string; live: boolean }) {
  const { data, problem } = usePage<Attempt>(`v1/jobs/${job}/attempts`, live ? REFRESH_MILLISECONDS : 0, [], "attempts");
  const row = (attempt: Attempt) => [
    attempt.attempt,
    <>{attempt.outcome ? words(attempt.outcome) : "Running"}{attempt.uncounted && <small>not counted: {attempt.uncounted.replaceAll("_", " ")}</small>}</>,
    <code>{attempt.worker}</code>,
    moment(attempt.started_at),
    between(attempt.started_at, attempt.ended_at),
    attempt.first_step === null ? whole(attempt.last_step) : `${whole(attempt.first_step)} to ${whole(attempt.last_step)}`,
    attempt.error_code ? <><code>{attempt.error_code}</code><small>{attempt.error_message}</small></> : "–",
  ];
  return (
    <>
      <ProblemNote problem={problem.value} />
      {data.value && <Table label="Attempts" head={["No.", "End", "Worker", "Began (UTC)", "Took", "Steps", "Error"]} rows={data.value.data} row={row} empty="No worker has taken it up yet." />}
      <Pager of="attempts" next={data.value?.next_cursor} />
    </>
  );
}
