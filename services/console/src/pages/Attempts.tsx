// The executions of a job, and how each ended.
import type { Attempt } from "../api/types";
import { between, moment, whole, words } from "../ui/format";
import { Table } from "../ui/parts";

export function Attempts({ of: attempts }: { of: Attempt[] }) {
  const row = (attempt: Attempt) => [
    attempt.attempt,
    <>{attempt.outcome ? words(attempt.outcome) : "Running"}{attempt.uncounted && <small>not counted: {attempt.uncounted.replaceAll("_", " ")}</small>}</>,
    <code>{attempt.worker}</code>,
    moment(attempt.started_at),
    between(attempt.started_at, attempt.ended_at),
    attempt.first_step === null ? whole(attempt.last_step) : `${whole(attempt.first_step)} to ${whole(attempt.last_step)}`,
    attempt.error_code ? <><code>{attempt.error_code}</code><small>{attempt.error_message}</small></> : "–",
  ];
  return <Table label="Attempts" head={["No.", "End", "Worker", "Began (UTC)", "Took", "Steps", "Error"]} rows={attempts} row={row} empty="No worker has taken it up yet." />;
}
