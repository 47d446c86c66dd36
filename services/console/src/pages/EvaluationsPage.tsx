// Examine a model on puzzles whose answers are known, and see what earlier evaluations found.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getAll, send, type Problem } from "../api/client";
import { asProblem, usePage, useResource } from "../api/resource";
import type { Dataset, Job } from "../api/types";
import { go, href, route } from "../router";
import { effort, fields } from "../solve/effort";
import { EffortForm } from "../solve/EffortForm";
import { choices, solverOf, type Choice, type Solver } from "../solve/models";
import { ModelSelect } from "../solve/ModelPicker";
import { ago, percent, shortId } from "../ui/format";
import { bound } from "../ui/bound";
import { List } from "../ui/List";
import { Bar, Card, Field, Heading, Status, Tags } from "../ui/parts";
import { isSought, Search, SOUGHT } from "../ui/Search";
import { ProblemNote } from "../ui/ProblemNote";

const REFRESH_MILLISECONDS = 3000;

export function EvaluationsPage() {
  const evaluations = usePage<Job>("v1/jobs?kind=evaluate", REFRESH_MILLISECONDS, SOUGHT);
  const row = (job: Job) => {
    const found = job.result;
    return [
      <><a class={job.name ? "" : "mono"} href={href(`jobs/${job.id}`)}>{job.name ?? shortId(job.id)}</a><small><Tags of={job.tags} path="evaluations" /></small></>,
      shortId(job.model ?? ""),
      <><Status status={job.status} />{job.status === "running" && <small><Bar share={(job.progress.percent ?? 0) / 100} label="Progress" /></small>}</>,
      found ? `${found.dataset}, ${found.split}` : "–",
      found?.report ? <><b>{percent(found.report.exact.value, 2)}</b><small>{found.report.n} puzzles</small></> : "–",
      percent(found?.report?.calibration.error.value, 2),
      ago(job.created_at),
    ];
  };
  return (
    <>
      <Heading title="Evaluations" sub="How often a model is right, after each supervision step, and whether its halting probability can be trusted."><Search /></Heading>
      <Examine />
      <List of={evaluations} label="Evaluations" head={["Job", "Model", "Status", "Puzzles of", "Exact accuracy", "Calibration error", "Asked"]} row={row} empty={isSought() ? "No evaluation is called or tagged so." : "No model was examined yet."} />
    </>
  );
}

function Examine() {
  const known = useSignal<{ shipped: Choice[]; trained: Choice[] }>({ shipped: [], trained: [] });
  const solver = useSignal<Solver | null>(null);
  const dataset = useSignal("");
  const split = useSignal("test");
  const limit = useSignal(100);
  const problem = useSignal<Problem | null>(null);
  const datasets = useResource<Dataset[]>("v1/datasets", 0, getAll);
  const choose = async (id: string) => {
    try {
      solver.value = await solverOf(id);
    } catch (error) {
      problem.value = asProblem(error);
    }
  };
  useEffect(() => {
    const asked = route.value.query.get("model");
    void choices().then((found) => {
      known.value = found;
      const first = asked ?? found.shipped[0]?.id ?? found.trained[0]?.id;
      if (first) void choose(first);
    }, (error) => (problem.value = asProblem(error)));
  }, []);
  if (!solver.value) return <ProblemNote problem={problem.value} />;
  const begin = async (event: Event) => {
    event.preventDefault();
    const body = { model: solver.value!.id, split: split.value, limit: limit.value, ...(dataset.value && { dataset: dataset.value }), ...fields(effort.value) };
    try {
      const job = await send<Job>("POST", "v1/evaluation-jobs", body);
      go(`jobs/${job.id}`);
    } catch (error) {
      problem.value = asProblem(error);
    }
  };
  return (
    <Card wide title="Examine a model">
      <form class="examine" onSubmit={begin}>
        <fieldset>
          <Field label="Model"><ModelSelect known={known.value} solver={solver.value} choose={(id) => void choose(id)} /></Field>
          <Field label="Data set">
            <select {...bound(dataset)}>
              <option value="">the model's own</option>
              {datasets.data.value?.filter((one) => one.kind === solver.value!.spec.kind).map((one) => <option value={one.name}>{one.name}</option>)}
            </select>
          </Field>
        </fieldset>
        <fieldset>
          <Field label="Split">
            <select {...bound(split)}>
              {["test", "validation", "train"].map((name) => <option value={name}>{name}</option>)}
            </select>
          </Field>
          <Field label="Puzzles, at most"><input type="number" min={1} max={100000} value={limit.value} onChange={(event) => (limit.value = Number(event.currentTarget.value) || 100)} /></Field>
        </fieldset>
        <EffortForm solver={solver.value} />
        <div class="stack">
          <button class="primary big">Examine</button>
          <ProblemNote problem={problem.value} />
        </div>
      </form>
    </Card>
  );
}
