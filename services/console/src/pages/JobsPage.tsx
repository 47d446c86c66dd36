// All jobs, newest first, of one status or kind where asked.
import { usePage } from "../api/resource";
import type { Job } from "../api/types";
import { go, href, route } from "../router";
import { ago, between, percent, shortId } from "../ui/format";
import { List } from "../ui/List";
import { Bar, Heading, Status } from "../ui/parts";

const STATUSES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"];
const KINDS = ["train", "solve", "evaluate"];
const REFRESH_MILLISECONDS = 3000;

export function JobsPage() {
  const { query } = route.value;
  const jobs = usePage<Job>("v1/jobs", REFRESH_MILLISECONDS, ["status", "kind"]);
  const filter = (name: string, value: string) => go("jobs", { status: query.get("status"), kind: query.get("kind"), [name]: value });
  return (
    <>
      <Heading title="Jobs" sub="Units of queued work: trainings, solves and evaluations.">
        <a class="button" href={href("queue")}>Queue and workers</a>
        <Filter label="Kind" all="Every kind" values={KINDS} value={query.get("kind")} choose={(value) => filter("kind", value)} />
        <Filter label="Status" all="Every status" values={STATUSES} value={query.get("status")} choose={(value) => filter("status", value)} />
      </Heading>
      <List of={jobs} path="jobs" label="Jobs" head={["Job", "Kind", "Status", "Progress", "Of", "Asked", "Took"]} row={row} empty="There is no such job." />
    </>
  );
}

function row(job: Job) {
  const share = (job.progress.percent ?? 0) / 100;
  return (
    <tr key={job.id}>
      <td><a class="mono" href={href(`jobs/${job.id}`)}>{shortId(job.id)}</a></td>
      <td>{job.kind}</td>
      <td><Status status={job.status} />{job.queue_position != null && <small>{job.queue_position}. in line</small>}{job.error && <small>{job.error.code}</small>}</td>
      <td><Bar share={share} label="Progress" /> {percent(share, 0)}</td>
      <td>{job.run_id ? <a href={href(`runs/${job.run_id}`)}>its run</a> : job.kind === "solve" ? <a href={href(`solve/${job.id}`)}>{shortId(job.model ?? "")}</a> : "–"}</td>
      <td>{ago(job.created_at)}</td>
      <td>{between(job.started_at, job.finished_at)}</td>
    </tr>
  );
}

function Filter({ label, all, values, value, choose }: { label: string; all: string; values: string[]; value: string | null; choose: (value: string) => void }) {
  return (
    <select aria-label={label} value={value ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">{all}</option>
      {values.map((one) => <option value={one}>{one}</option>)}
    </select>
  );
}
