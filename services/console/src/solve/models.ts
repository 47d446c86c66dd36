// What can solve: shipped models, checkpoints, and runs by their newest checkpoint.
import { get } from "../api/client";
import type { Checkpoint, Model, ModelList, Page, Promoted, Run, RunSummary, Searching, Spec } from "../api/types";
import { called } from "../board/spec";

export interface Solver {
  id: string;
  label: string;
  spec: Spec;
  dataset: string;
  anySize: boolean;
  /** Supervision steps that it was trained with. */
  steps: number;
  randomStart: boolean;
  /** How it was measured when it searched until the rules agree. */
  searching: Searching;
  shipped: boolean;
  runId: string | null;
}

export interface Choice {
  id: string;
  label: string;
}

const ANY_SIZE = ["units", "neighbours", "directed_neighbours"];

export async function choices(): Promise<{ shipped: Choice[]; trained: Choice[] }> {
  const [models, runs] = await Promise.all([get<ModelList>("v1/models"), get<Page<RunSummary>>("v1/runs?limit=50")]);
  const sudokusFirst = [...models.data].sort((a, b) => Number(b.puzzle.kind === "sudoku") - Number(a.puzzle.kind === "sudoku"));
  const shipped = sudokusFirst.map((model) => ({ id: model.name, label: `${model.name} – ${called(model.puzzle)}` }));
  const started = runs.data.filter((run) => run.step > 0);
  const trained = started.map((run) => ({ id: run.id, label: `${run.name ?? run.preset} – step ${run.step}, ${run.dataset}` }));
  const promoted = models.promoted.map(({ name, version }) => ({ id: name, label: `${name}, version ${version}` }));
  return { shipped, trained: [...promoted, ...trained] };
}

/** Of a model's name, a checkpoint's id or a run's. */
export async function solverOf(id: string): Promise<Solver> {
  if (id.startsWith("run_")) return ofRun(id, await get<Run>(`v1/runs/${id}`));
  if (id.startsWith("ckpt_")) {
    return ofCheckpoint(id, await get<Checkpoint>(`v1/checkpoints/${id}`));
  }
  const model = await get<Model | Promoted>(`v1/models/${encodeURIComponent(id)}`);
  if ("checkpoint_id" in model) return ofCheckpoint(id, await get<Checkpoint>(`v1/checkpoints/${model.checkpoint_id}`));
  const steps = model.step_exact_accuracy.length;
  return { id, label: model.name, spec: model.puzzle, dataset: model.dataset, anySize: model.any_size, steps, randomStart: model.random_start, searching: model.harder?.effort ?? {}, shipped: true, runId: null };
}

async function ofCheckpoint(id: string, checkpoint: Checkpoint): Promise<Solver> {
  return ofRun(id, await get<Run>(`v1/runs/${checkpoint.run_id}`), ` at step ${checkpoint.step}`);
}

function ofRun(id: string, run: Run, at = ""): Solver {
  const { model, puzzle } = run.config;
  return {
    id,
    label: `${run.name ?? run.preset}${at}`,
    spec: puzzle,
    dataset: run.dataset,
    anySize: ANY_SIZE.includes(String(model["mixer"])),
    steps: Number(model["max_supervision_steps"]),
    randomStart: model["random_start"] === true,
    searching: {},
    shipped: false,
    runId: run.id,
  };
}
