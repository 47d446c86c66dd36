// One training: its curves as they grow, what it can do after each supervision step, and everything that is kept of it.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getAll } from "../api/client";
import { follow } from "../api/stream";
import { usePage, useResource } from "../api/resource";
import type { Checkpoint, Evaluation, Job, JobEvent, Metric, PresetDetail, Run } from "../api/types";
import { Attempts } from "../pages/Attempts";
import { EvaluationReport } from "../pages/EvaluationReport";
import { Checkpoints } from "../pages/Checkpoints";
import { Moves } from "../pages/moves";
import { called } from "../board/spec";
import { href } from "../router";
import { Chart, type Points } from "../ui/Chart";
import { ago, duration, percent, shortId, whole } from "../ui/format";
import { labelFacts } from "../ui/Labels";
import { Bar, Card, Facts, Heading, Pager, Status, Table } from "../ui/parts";
import { Pending } from "../ui/ProblemNote";
import { useCurve } from "./curve";
import { HeatMap } from "./HeatMap";
import { Logs } from "./Logs";
import { differences, shown } from "./settings";

const JOB_MILLISECONDS = 2000;
const ENDED = ["succeeded", "failed", "cancelled"];
/** Events after which there is more to read. */
const TELLING: JobEvent["type"][] = ["started", "evaluated", "checkpoint", "done"];

export function RunPage({ id }: { id: string }) {
  const { data: run, problem, reload } = useResource<Run>(`v1/runs/${id}`);
  const jobId = run.value?.job_id ?? null;
  const live = useSignal(true);
  const job = useResource<Job>(jobId && `v1/jobs/${jobId}`, live.value ? JOB_MILLISECONDS : 0);
  const evaluations = useResource<Evaluation[]>(`v1/runs/${id}/evaluations`, 0, getAll);
  const newest = usePage<Evaluation>(`v1/runs/${id}/evaluations?order=newest&limit=10`, 0, [], "evaluated");
  const checkpoints = usePage<Checkpoint>(`v1/runs/${id}/checkpoints?limit=10`);
  const status = job.data.value?.status ?? null;
  const isUploaded = run.value !== null && jobId === null;
  live.value = !isUploaded && (status === null || !ENDED.includes(status));
  const rows = useCurve(run.value, live.value);
  useEffect(() => {
    if (!jobId || !live.value) return;
    const stop = new AbortController();
    const refresh = () => void Promise.all([reload(), job.reload(), evaluations.reload(), newest.reload(), checkpoints.reload()]);
    void follow(jobId, (event) => TELLING.includes(event.type) && refresh(), stop.signal).catch(() => undefined);
    return () => stop.abort();
  }, [jobId, status === null, live.value]);
  if (!run.value) return <Pending title="Run" problem={problem.value} />;
  const { name, config } = run.value;
  const tested = evaluations.data.value?.find((one) => one.split === "test");
  return (
    <>
      <Heading title={name ?? run.value.preset} sub={<>{called(config.puzzle)}s of {run.value.dataset}, preset {run.value.preset} · <span class="mono">{id}</span></>}>
        {job.data.value && <Moves job={job.data.value} after={(moved) => (job.data.value = moved)} />}
        {(run.value.step > 0 || isUploaded) && <a class="button primary" href={href("solve", { model: id })}>Solve with it</a>}
      </Heading>
      {job.data.value?.error && <p class="note problem" role="alert"><strong>{job.data.value.error.code}</strong> {job.data.value.error.message}</p>}
      {live.value && job.data.value?.estimate?.warnings.map((warning) => <p class="note warn">{warning}</p>)}
      <Card wide><Summary run={run.value} job={job.data.value} rows={rows.value} /></Card>
      <div class="cards section">
        <Curves rows={rows.value} evaluations={evaluations.data.value ?? []} />
        <Card wide title="After each supervision step, over the training"><HeatMap training={rows.value} validation={(evaluations.data.value ?? []).filter((one) => one.split === "validation")} /></Card>
        <Card wide title="Evaluations">
          <Evaluations of={newest.data.value?.data ?? []} />
          <Pager of="evaluated" next={newest.data.value?.next_cursor} />
        </Card>
        {tested?.report && <EvaluationReport title="On the test split" report={tested.report} />}
        <Card wide title="Checkpoints">
          <Checkpoints of={checkpoints.data.value?.data ?? []} after={() => void checkpoints.reload()} />
          <Pager next={checkpoints.data.value?.next_cursor} />
        </Card>
        {jobId && <Card wide title="Attempts"><Attempts job={jobId} live={live.value} /></Card>}
        {jobId && <Card wide title="Log"><Logs job={jobId} live={live.value} /></Card>}
        <Card wide title="Configuration"><Configuration run={run.value} /></Card>
      </div>
    </>
  );
}

function Summary({ run, job, rows }: { run: Run; job: Job | null; rows: Metric[] }) {
  const last = rows.at(-1);
  const step = Math.max(run.step, job?.progress.step ?? 0, last?.step ?? 0);
  const share = (job?.progress.percent ?? (100 * step) / run.total_steps) / 100;
  return (
    <Facts
      of={[
        ["Status", job ? <Status status={job.status} /> : "–"],
        ["Progress", <><Bar share={share} label="Progress" /> {percent(share, 0)}</>],
        ["Step", `${whole(step)} of ${whole(run.total_steps)}`],
        job?.status === "queued" && job.estimate
          ? ["Will take about", duration(job.estimate.seconds)]
          : ["Time left", job?.status === "running" ? duration(job.progress.eta_seconds) : "–"],
        ["Speed", last && job?.status === "running" ? `${whole(Math.round(last.puzzles_per_second))} puzzles/s` : "–"],
        ["Best on validation", percent(run.best_exact_accuracy)],
        ["Test split", percent(run.test_exact_accuracy)],
        ["Parameters", whole(run.parameters)],
        ["Device", run.device ?? "–"],
        ["Started", ago(run.created_at)],
        ...(run.parent_checkpoint_id ? [["Began with", <span class="mono">{shortId(run.parent_checkpoint_id)}</span>] as [string, preact.ComponentChildren]] : []),
        ...labelFacts(run, "runs"),
      ]}
    />
  );
}

export function points<T extends { step: number }>(rows: T[], of: (row: T) => number | null): Points {
  return [rows.map((row) => row.step), rows.map(of)];
}

function Curves({ rows, evaluations }: { rows: Metric[]; evaluations: Evaluation[] }) {
  const validation = evaluations.filter((found) => found.split === "validation");
  return (
    <>
      <Chart title="Loss" lines={[
        { label: "all", points: points(rows, (row) => row.loss) },
        { label: "answer", points: points(rows, (row) => row.lm_loss), tone: 4 },
        { label: "halting", points: points(rows, (row) => row.halt_loss), tone: 1 },
      ]} />
      <Chart title="Exact accuracy" range={[0, 1]} format={(share) => percent(share, 0)} lines={[
        { label: "training", points: points(rows, (row) => row.exact_accuracy) },
        { label: "validation", points: points(validation, (row) => row.exact_accuracy), marks: true, tone: 1 },
        { label: "cells", points: points(rows, (row) => row.cell_accuracy), tone: 2 },
      ]} />
      <Chart title="Learning rate" lines={[{ label: "learning rate", points: points(rows, (row) => row.learning_rate), tone: 4 }]} />
      <Chart title="Mean supervision steps until halting" lines={[
        { label: "training", points: points(rows, (row) => row.mean_supervision_steps) },
        { label: "validation", points: points(validation, (row) => row.mean_supervision_steps), marks: true, tone: 1 },
      ]} />
    </>
  );
}

function Evaluations({ of: found }: { of: Evaluation[] }) {
  const row = (one: Evaluation) => [
    whole(one.step),
    one.split,
    <b>{percent(one.exact_accuracy)}</b>,
    percent(one.cell_accuracy),
    percent(one.verified),
    one.mean_supervision_steps?.toFixed(1),
    whole(one.n),
    duration(one.seconds),
  ];
  return <Table label="Evaluations" head={["Step", "Split", "Exact accuracy", "Cells", "Rules agree", "Halts after", "Puzzles", "Took"]} rows={found} row={row} empty="None yet." />;
}

function Configuration({ run }: { run: Run }) {
  const preset = useResource<PresetDetail>(`v1/presets/${encodeURIComponent(run.preset)}`);
  const all = useSignal(false);
  if (!preset.data.value) return preset.problem.value ? <p class="fine">Its preset {run.preset} is not known here, so that nothing can be compared.</p> : null;
  const changed = differences(preset.data.value, run.config);
  return (
    <>
      <p class="fine">{changed.length ? `${changed.length} settings differ from the preset ${run.preset}.` : `As the preset ${run.preset} has it.`}</p>
      {changed.length > 0 && (
        <Table label="Settings that differ" head={["Setting", "Preset", "This run"]} rows={changed} empty="" row={(one) => [
          <code>{one.name}</code>,
          <code>{shown(one.from)}</code>,
          <code><b>{shown(one.to)}</b></code>,
        ]} />
      )}
      <p><button class="quiet" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>{all.value ? "Hide the whole" : "Show the whole"}</button></p>
      {all.value && <pre tabIndex={0} aria-label="The whole configuration">{JSON.stringify({ model: run.config.model, train: run.config.train }, null, 1)}</pre>}
    </>
  );
}
