// The executions of a job, and how each ended.
import type { Attempt } from "../api/types";
import { between, moment, words } from "../ui/format";
import { Table } from "../ui/parts";

export function Attempts({ of: attempts }: { of: Attempt[] }) {
  const row = (attempt: Attempt) => (
    <tr key={attempt.attempt}>
      <td>{attempt.attempt}</td>
      <td>{attempt.outcome ? words(attempt.outcome) : "Running"}{attempt.uncounted && <small>not counted: {attempt.uncounted.replaceAll("_", " ")}</small>}</td>
      <td class="mono">{attempt.worker}</td>
      <td>{moment(attempt.started_at)}</td>
      <td>{between(attempt.started_at, attempt.ended_at)}</td>
      <td>{attempt.first_step ?? "–"} to {attempt.last_step ?? "–"}</td>
      <td>{attempt.error_code ? <><code>{attempt.error_code}</code><small>{attempt.error_message}</small></> : "–"}</td>
    </tr>
  );
  return <Table label="Attempts" head={["No.", "End", "Worker", "Began (UTC)", "Took", "Steps", "Error"]} rows={attempts} row={row} empty="No worker has taken it up yet." />;
}
