// One job: how it stands, what happened to it, and what came of it.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { follow } from "../api/stream";
import { usePage, useResource } from "../api/resource";
import type { Job, JobEvent, Solution } from "../api/types";
import { href } from "../router";
import { between, duration, moment, percent, shortId, whole } from "../ui/format";
import { labelFacts } from "../ui/Labels";
import { Bar, Card, Facts, Heading, Pager, Status, Table } from "../ui/parts";
import { Pending } from "../ui/ProblemNote";
import { described } from "../solve/effort";
import { EvaluationReport } from "./EvaluationReport";
import { Attempts } from "./Attempts";
import { Moves } from "./moves";

const REFRESH_MILLISECONDS = 2000;
const SHOWN_EVENTS = 200;
const TITLES: Record<string, string> = { train: "Training", solve: "Solve job", evaluate: "Evaluation" };
const ENDED = ["succeeded", "failed", "cancelled"];

export function JobPage({ id }: { id: string }) {
  const live = useSignal(true);
  const { data: job, problem, reload } = useResource<Job>(`v1/jobs/${id}`, live.value ? REFRESH_MILLISECONDS : 0);
  const events = useSignal<JobEvent[]>([]);
  live.value = !ENDED.includes(job.value?.status ?? "");
  useEffect(() => {
    const stop = new AbortController();
    const note = (event: JobEvent) => {
      events.value = [...events.peek(), event].slice(-SHOWN_EVENTS);
      if (event.type === "done") void reload();
    };
    void follow(id, note, stop.signal).catch(() => undefined);
    return () => stop.abort();
  }, [id]);
  if (!job.value) return <Pending title="Job" problem={problem.value} />;
  const { kind, error, name, progress } = job.value;
  return (
    <>
      <Heading title={name ?? TITLES[kind] ?? kind} sub={<>{name && `${TITLES[kind] ?? kind} · `}<span class="mono">{id}</span></>}>
        <Moves job={job.value} after={(moved) => (job.value = moved)} />
        {job.value.run_id && <a class="button primary" href={href(`runs/${job.value.run_id}`)}>Its run</a>}
        {kind === "solve" && <a class="button primary" href={href(`solve/${id}`)}>Watch it</a>}
      </Heading>
      {job.value.waiting_for && <p class="note warn">No worker that is here can take it: it waits for {job.value.waiting_for}. <a href={href("queue")}>Workers</a></p>}
      {error && <p class="note problem" role="alert"><strong>{error.code}</strong> {error.message}</p>}
      <Card wide>
        <Facts of={[
          ["Status", <Status status={job.value.status} />],
          ["Progress", <><Bar share={(progress.percent ?? 0) / 100} label="Progress" /> {percent((progress.percent ?? 0) / 100, 0)}</>],
          ["Step", `${whole(progress.step)} of ${whole(progress.total)}`],
          ["Time left", duration(progress.eta_seconds)],
          ["Attempt", `${job.value.attempt} of at most ${job.value.max_attempts}`],
          ["Priority", String(job.value.priority)],
          ["Asked (UTC)", moment(job.value.created_at)],
          ["Waited", between(job.value.created_at, job.value.started_at ?? job.value.finished_at)],
          ["Took", between(job.value.started_at, job.value.finished_at)],
          ...(job.value.continues ? [["Continues", <a href={href(`jobs/${job.value.continues}`)}>an earlier job</a>] as [string, ComponentChildren]] : []),
          ...model(job.value),
          ...result(job.value),
          ...labelFacts(job.value, "jobs"),
          ...(job.value.trace_id ? [["Trace", <code>{job.value.trace_id}</code>] as [string, ComponentChildren]] : []),
        ]} />
      </Card>
      <div class="cards section">
        {job.value.result?.report && <EvaluationReport report={job.value.result.report} />}
        {kind === "solve" && <Card wide title="Answers"><Solutions id={id} version={job.value.status} /></Card>}
        <Card wide title="Attempts"><Attempts job={id} live={live.value} /></Card>
        <Card wide title="Events"><Events of={events.value} /></Card>
      </div>
    </>
  );
}

function model({ model: id }: Job): [string, ComponentChildren][] {
  return id ? [["Model", <a href={href("solve", { model: id })}>{shortId(id)}</a>]] : [];
}

function result({ result: found }: Job): [string, string][] {
  if (!found) return [];
  if (found.kind === "evaluate") return [["Puzzles of", `${found.dataset}, ${found.split}`], ["Effort", described(found.effort ?? {})]];
  if (found.kind === "train") return [["Exact accuracy on the test split", percent(found.exact_accuracy)]];
  return [["Puzzles", whole(found.n)], ["Rules agree", whole(found.verified)], ["Mean steps", found.mean_supervision_steps?.toFixed(1) ?? "–"]];
}

function Solutions({ id, version }: { id: string; version: string }) {
  const { data, reload } = usePage<Solution>(`v1/jobs/${id}/solutions?limit=20`);
  useEffect(() => void reload(), [version]);
  const row = (one: Solution) => [
    one.index + 1,
    <div class="mono cut">{one.answer}</div>,
    one.verified === null ? "–" : one.verified ? "agree" : <>do not<small>{one.violations?.[0]?.detail}</small></>,
    percent(one.halt_probability),
    <>{one.supervision_steps}{one.total_supervision_steps > one.supervision_steps && <small>{one.total_supervision_steps} in all</small>}</>,
    one.reason,
  ];
  return (
    <>
      <Table label="Answers" head={["Puzzle", "Answer", "Rules", "Halting probability", "Steps", "Stopped by"]} rows={data.value?.data ?? []} row={row} empty="None yet." />
      <Pager next={data.value?.next_cursor} />
    </>
  );
}

function Events({ of: events }: { of: JobEvent[] }) {
  if (!events.length) return <p class="empty">Nothing has happened yet.</p>;
  return (
    <ol class="events" tabIndex={0} aria-label="Events, newest first">
      {[...events].reverse().map((event) => (
        <li key={event.id}><span class="fine">{event.id}</span> <b>{event.type}</b> <code>{told(event.data)}</code></li>
      ))}
    </ol>
  );
}

/** What an event says in a line: lists and objects have places of their own on other pages. */
function told(data: JobEvent["data"]): string {
  const plain = Object.entries(data).filter(([, value]) => value !== null && typeof value !== "object" && String(value).length < 80);
  return plain.map(([name, value]) => `${name} ${typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : value}`).join(" · ");
}
