// What waits and for how long, and who works.
import { usePage, useResource } from "../api/resource";
import { href } from "../router";
import { ago, duration, shortId, whole } from "../ui/format";
import { Card, Heading, Loading, Pager, Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

interface Line {
  kind: string;
  queued: number;
  running: number;
  oldest_seconds: number;
  concurrency: number;
  wait_seconds: number | null;
}

interface Worker {
  name: string;
  role: string;
  status: string;
  device: string;
  device_name: string | null;
  devices: number;
  memory_gb: number;
  labels: string[];
  cores: number;
  started_at: string;
  last_heartbeat_at: string;
  concurrency: number;
  jobs_in_hand: number;
  jobs: string[];
  slots_in_use: number | null;
}

const REFRESH_MILLISECONDS = 3000;

export function QueuePage() {
  const queue = useResource<{ data: Line[] }>("v1/queue", REFRESH_MILLISECONDS);
  const workers = usePage<Worker>("v1/workers", REFRESH_MILLISECONDS);
  const line = (one: Line) => [
    <a href={href("jobs", { kind: one.kind, status: "queued" })}>{one.kind}</a>,
    whole(one.queued),
    <>{whole(one.running)} of {whole(one.concurrency)}</>,
    one.queued ? duration(one.oldest_seconds) : "–",
    one.wait_seconds === null ? "unknown" : duration(one.wait_seconds),
  ];
  const worker = (one: Worker) => [
    <code>{one.name}</code>,
    one.role,
    <><span class={`status ${one.status === "alive" ? "succeeded" : "failed"}`}>{one.status}</span><small>heard {ago(one.last_heartbeat_at)}</small></>,
    <>{one.device_name ?? one.device}<small>{one.device === "cpu" ? "" : `${one.devices} × `}{Math.round(one.memory_gb)} GiB, {one.cores} cores{one.labels.map((label) => `, ${label}`)}</small></>,
    <>{one.jobs_in_hand} of {one.concurrency}<small>{one.jobs.map((id) => <a href={href(`jobs/${id}`)}>{shortId(id)} </a>)}</small></>,
    whole(one.slots_in_use),
    ago(one.started_at),
  ];
  return (
    <>
      <Heading title="Queue" sub="What waits, and the workers that do it."><a class="button" href={href("jobs")}>All jobs</a></Heading>
      <ProblemNote problem={queue.problem.value ?? workers.problem.value} />
      {!queue.data.value && !queue.problem.value && <Loading what="the queue" />}
      <div class="cards">
        {queue.data.value && <Card wide title="Waiting"><Table label="Waiting" head={["Kind", "Queued", "Running", "Longest wait", "A new job waits"]} rows={queue.data.value.data} row={line} empty="Nothing." /></Card>}
        {workers.data.value && (
          <Card wide title="Workers">
            <Table label="Workers" head={["Worker", "Role", "State", "Device", "Jobs", "Chains", "Started"]} rows={workers.data.value.data} row={worker} empty="No worker is known." />
            <Pager byName next={workers.data.value.next_cursor} />
          </Card>
        )}
      </div>
    </>
  );
}
