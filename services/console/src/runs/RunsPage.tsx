// All trainings, newest first, to open one or to compare several.
import { useSignal } from "@preact/signals";
import { usePage } from "../api/resource";
import type { RunSummary } from "../api/types";
import { go, href } from "../router";
import { ago, percent, whole } from "../ui/format";
import { List } from "../ui/List";
import { Bar, Heading, Tags } from "../ui/parts";
import { isSought, Search, SOUGHT } from "../ui/Search";

const MOST_COMPARED = 8;
const REFRESH_MILLISECONDS = 5000;

export function RunsPage() {
  const runs = usePage<RunSummary>("v1/runs", REFRESH_MILLISECONDS, SOUGHT);
  const chosen = useSignal<string[]>([]);
  const toggle = (id: string) => {
    chosen.value = chosen.value.includes(id) ? chosen.value.filter((other) => other !== id) : [...chosen.value, id].slice(-MOST_COMPARED);
  };
  const row = (run: RunSummary) => [
    <input type="checkbox" aria-label={`Compare ${run.name ?? run.id}`} checked={chosen.value.includes(run.id)} onChange={() => toggle(run.id)} />,
    <><a href={href(`runs/${run.id}`)}>{run.name ?? run.preset}</a><small>{run.preset} on {run.dataset} <Tags of={run.tags} path="runs" /></small></>,
    <><Bar share={run.step / run.total_steps} label={`Step ${run.step} of ${run.total_steps}`} /><small>{whole(run.step)} of {whole(run.total_steps)}</small></>,
    percent(run.exact_accuracy),
    percent(run.best_exact_accuracy),
    percent(run.test_exact_accuracy),
    <>{whole(run.parameters)}<small>{run.device ?? ""}</small></>,
    ago(run.created_at),
  ];
  return (
    <>
      <Heading title="Runs" sub="Trainings with their curves, evaluations and checkpoints.">
        <Search />
        <button disabled={chosen.value.length < 2} onClick={() => go("compare", { runs: chosen.value.join(",") })}>
          Compare {chosen.value.length > 1 ? chosen.value.length : ""}
        </button>
        <a class="button primary" href={href("train")}>New training</a>
      </Heading>
      <List
        of={runs}
        label="Runs"
        head={["Compare", "Run", "Step", "Exact accuracy", "Best", "Test split", "Parameters", "Started"]}
        row={row}
        empty={isSought() ? "No run is called or tagged so." : <>No training was started yet. <a href={href("train")}>Start one.</a></>}
      />
    </>
  );
}
