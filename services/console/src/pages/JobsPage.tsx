// All jobs, newest first, of one status or kind where asked.
import { usePage } from "../api/resource";
import type { Job } from "../api/types";
import { amended, href, route } from "../router";
import { ago, between, percent, shortId } from "../ui/format";
import { List } from "../ui/List";
import { Bar, Heading, Status, Tags } from "../ui/parts";
import { Search, SOUGHT } from "../ui/Search";

const STATUSES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"];
const KINDS = ["train", "solve", "evaluate"];
const REFRESH_MILLISECONDS = 3000;

export function JobsPage() {
  const { query } = route.value;
  const jobs = usePage<Job>("v1/jobs", REFRESH_MILLISECONDS, ["status", "kind", ...SOUGHT]);
  const filter = (name: string, value: string) => (location.hash = amended({ [name]: value, cursor: null }));
  return (
    <>
      <Heading title="Jobs" sub="Units of queued work: trainings, solves and evaluations.">
        <a class="button" href={href("queue")}>Queue and workers</a>
        <Search />
        <Filter label="Kind" all="Every kind" values={KINDS} value={query.get("kind")} choose={(value) => filter("kind", value)} />
        <Filter label="Status" all="Every status" values={STATUSES} value={query.get("status")} choose={(value) => filter("status", value)} />
      </Heading>
      <List of={jobs} label="Jobs" head={["Job", "Kind", "Status", "Progress", "Of", "Asked", "Took"]} row={row} empty={query.size ? "There is no such job." : <>Nothing was asked of the service yet. <a href={href("solve")}>Solve a puzzle.</a></>} />
    </>
  );
}

function row(job: Job) {
  const share = (job.progress.percent ?? 0) / 100;
  return [
    <><a class={job.name ? "" : "mono"} href={href(`jobs/${job.id}`)}>{job.name ?? shortId(job.id)}</a><small><Tags of={job.tags} path="jobs" /></small></>,
    job.kind,
    <><Status status={job.status} />{job.queue_position != null && <small>{job.waiting_for ? "no worker can take it" : `${job.queue_position}. in line`}</small>}{job.error && <small>{job.error.code}</small>}</>,
    <><Bar share={share} label="Progress" /> {percent(share, 0)}</>,
    job.run_id ? <a href={href(`runs/${job.run_id}`)}>its run</a> : <a href={href(`${job.kind === "solve" ? "solve" : "jobs"}/${job.id}`)}>{shortId(job.model ?? "")}</a>,
    ago(job.created_at),
    between(job.started_at, job.finished_at),
  ];
}

function Filter({ label, all, values, value, choose }: { label: string; all: string; values: string[]; value: string | null; choose: (value: string) => void }) {
  return (
    <select aria-label={label} value={value ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">{all}</option>
      {values.map((one) => <option value={one}>{one}</option>)}
    </select>
  );
}
