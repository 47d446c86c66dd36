// Several trainings in the same charts, and in what their settings differ.
import { useSignal } from "@preact/signals";
import { get, getAll, type Problem } from "../api/client";
import { asProblem, useReading } from "../api/resource";
import type { Evaluation, Metric, Run } from "../api/types";
import { href, route } from "../router";
import { Chart, type Line } from "../ui/Chart";
import { percent, whole } from "../ui/format";
import { Card, Heading, Loading, Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";
import { MOST_POINTS } from "./curve";
import { points } from "./RunPage";
import { flat, shown } from "./settings";

interface Seen {
  run: Run;
  rows: Metric[];
  validation: Evaluation[];
}

const MOST = 8;
const REFRESH_MILLISECONDS = 10_000;

export function ComparePage() {
  const ids = route.value.query.get("runs") ?? "";
  const seen = useSignal<Seen[]>([]);
  const problem = useSignal<Problem | null>(null);
  const read = (signal: AbortSignal) => Promise.all(ids.split(",").filter(Boolean).slice(0, MOST).map((id) => readOne(id, signal))).then(
    (found) => {
      seen.value = found;
      problem.value = null;
    },
    (error) => signal.aborted || (problem.value = asProblem(error)),
  );
  useReading(read, REFRESH_MILLISECONDS, [ids]);
  const lines = (of: (one: Seen) => Line["points"], marks = false): Line[] =>
    seen.value.map((one, i) => ({ label: nameOf(one.run), points: of(one), tone: i, marks }));
  return (
    <>
      <Heading title="Compare runs" sub="The same curves of each, and the settings in which they differ."><a class="button" href={href("runs")}>All runs</a></Heading>
      <ProblemNote problem={problem.value} />
      {seen.value.length ? (
        <div class="cards">
          <Chart title="Validation: exact accuracy" range={[0, 1]} format={(share) => percent(share, 0)} lines={lines((one) => points(one.validation, (row) => row.exact_accuracy), true)} />
          <Chart title="Training: exact accuracy" range={[0, 1]} format={(share) => percent(share, 0)} lines={lines((one) => points(one.rows, (row) => row.exact_accuracy))} />
          <Chart title="Loss" lines={lines((one) => points(one.rows, (row) => row.loss))} />
          <Chart title="Mean supervision steps until halting" lines={lines((one) => points(one.rows, (row) => row.mean_supervision_steps))} />
          <Card wide title="Results"><Results of={seen.value} /></Card>
          <Card wide title="Settings that differ"><Settings of={seen.value} /></Card>
        </div>
      ) : (
        !problem.value && <Loading what="the runs" />
      )}
    </>
  );
}

async function readOne(id: string, signal: AbortSignal): Promise<Seen> {
  const run = await get<Run>(`v1/runs/${id}`, signal);
  const [metrics, evaluations] = await Promise.all([
    get<{ data: Metric[] }>(`v1/runs/${id}/metrics?max_points=${MOST_POINTS}`, signal),
    getAll<Evaluation>(`v1/runs/${id}/evaluations`, signal),
  ]);
  return { run, rows: metrics.data, validation: evaluations.filter((found) => found.split === "validation") };
}

function nameOf(run: Run): string {
  return run.name ?? `${run.preset} ${run.id.slice(-4)}`;
}

function Results({ of: seen }: { of: Seen[] }) {
  const row = ({ run, rows }: Seen) => [
    <a href={href(`runs/${run.id}`)}>{nameOf(run)}</a>,
    <>{whole(run.step)} of {whole(run.total_steps)}</>,
    rows.at(-1)?.loss.toFixed(4) ?? "–",
    percent(run.best_exact_accuracy),
    percent(run.test_exact_accuracy),
    whole(run.parameters),
  ];
  return <Table label="Results" head={["Run", "Step", "Loss", "Best on validation", "Test split", "Parameters"]} rows={seen} row={row} empty="" />;
}

function Settings({ of: seen }: { of: Seen[] }) {
  const tables = seen.map(({ run }) => flat(run.config).set("dataset", run.dataset).set("preset", run.preset));
  const names = [...(tables[0]?.keys() ?? [])].filter((name) => new Set(tables.map((table) => JSON.stringify(table.get(name)))).size > 1);
  const row = (name: string) => [
    <code>{name}</code>,
    ...tables.map((table) => <code>{shown(table.get(name))}</code>),
  ];
  return <Table label="Settings that differ" head={["Setting", ...seen.map(({ run }) => nameOf(run))]} rows={names} row={row} empty="They have the same settings." />;
}
