// What the API answers, as far as the console reads it; docs/openapi.json has the whole.
export interface Spec {
  kind: "sudoku" | "maze" | "arc" | "grid";
  rows: number;
  cols: number;
  symbols: string[];
  box: [number, number] | null;
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  has_more: boolean;
}

/** Rows of digits, which are colours; no answer where it is not told. */
export interface ArcPair {
  question: string[];
  answer: string[];
}

export interface ArcTask {
  name: string;
  train: ArcPair[];
  test: ArcPair[];
}

export type JobStatus = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

export interface Attempt {
  attempt: number;
  worker: string;
  started_at: string;
  ended_at: string | null;
  outcome: string | null;
  uncounted: string | null;
  error_code: string | null;
  error_message: string | null;
  first_step: number | null;
  last_step: number | null;
}

export interface Violation {
  rule: string;
  cells: number[];
  detail: string;
}

export interface Step {
  step: number;
  chain: number;
  answer: string;
  halt_probability: number;
  changed_cells: number[];
  verified: boolean | null;
}

export interface Solution {
  index: number;
  question: string;
  answer: string;
  verified: boolean | null;
  halt_probability: number;
  supervision_steps: number;
  total_supervision_steps: number;
  reason: "verified" | "halted" | "stable" | "budget";
  chosen_by: string;
  chain: number;
  votes: number;
  chains: number;
  violations: Violation[] | null;
  trace: Step[] | null;
}

/** What its owner calls it, and finds it by. */
export interface Labels {
  name: string | null;
  tags: string[];
  metadata: Record<string, string>;
}

export interface Job extends Labels {
  id: string;
  kind: string;
  status: JobStatus;
  attempt: number;
  max_attempts: number;
  progress: { step: number; total: number | null; percent: number | null; eta_seconds: number | null };
  run_id: string | null;
  model: string | null;
  estimate: { seconds: number; basis: string; warnings: string[] } | null;
  error: { code: string; message: string } | null;
  result: JobResult | null;
  continues: string | null;
  cancel_requested: boolean;
  pause_requested: boolean;
  priority: number;
  queue_position?: number | null;
  waiting_for: string | null;
  trace_id: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  links: Record<string, string>;
}

export interface JobResult {
  kind: string;
  step?: number;
  seconds: number | null;
  exact_accuracy?: number | null;
  n?: number;
  verified?: number | null;
  mean_supervision_steps?: number | null;
  total_supervision_steps?: number | null;
  solutions?: Solution[] | null;
  dataset?: string;
  split?: string;
  effort?: Section;
  report?: Report;
}

interface AttemptEnd {
  attempt: number;
  outcome: string;
  code: string | null;
  uncounted?: string | null;
}

/** What the events of a job hold, by their kind. */
interface EventData {
  started: {
    step: number;
    total_steps: number;
    parameters: number;
    device: string;
    precision: string;
    resumed_from: number | null;
    train_puzzles: number;
    validation_puzzles: number;
    test_puzzles: number;
    overlap: number | null;
  };
  evaluating: { step?: number | null; split: string; n: number; through: number };
  evaluated: Measured;
  checkpoint: { id: string; step: number; bytes: number; digest: string; seconds: number; metrics: Record<string, number | null> };
  checkpoint_damaged: { id: string; step: number; reason: string };
  finished: { step: number; seconds: number; exact_accuracy: number | null; peak_bytes: number };
  step: Omit<Step, "chain"> & { chain?: number; puzzle: number; halted: boolean };
  solved: { count: number; answered: number };
  queued: AttemptEnd;
  paused: { [Field in keyof AttemptEnd]?: AttemptEnd[Field] | null };
  resumed: { attempt: number };
  retried: { attempt: number };
  done: { status: JobStatus };
}

/** An event of a job: what `data` holds follows from its `type`. */
export type JobEvent = { [Kind in keyof EventData]: { id: number; type: Kind; data: EventData[Kind]; created_at?: string | null } }[keyof EventData];

export interface RunSummary extends Labels {
  id: string;
  job_id: string | null;
  preset: string;
  dataset: string;
  step: number;
  total_steps: number;
  exact_accuracy: number | null;
  best_exact_accuracy: number | null;
  test_exact_accuracy: number | null;
  parameters: number | null;
  device: string | null;
  parent_checkpoint_id: string | null;
  created_at: string;
}

export type Section = Record<string, unknown>;

export interface RunConfig {
  preset: string;
  dataset: string;
  puzzle: Spec;
  model: Section;
  train: Section;
}

export interface Run extends RunSummary {
  config: RunConfig;
}

export interface StepValues {
  step: number;
  exact_accuracy: number | null;
  cell_accuracy: number | null;
  mean_supervision_steps: number | null;
  halted: (number | null)[];
  halt_probability: (number | null)[];
  step_exact_accuracy: (number | null)[];
}

export interface Metric extends StepValues {
  loss: number;
  lm_loss: number;
  halt_loss: number;
  learning_rate: number;
  puzzles_per_second: number;
}

/** A split was answered. */
interface Measured extends StepValues {
  split: string;
  n: number;
  seconds: number;
  verified: number | null;
  halt_accuracy: number | null;
}

export interface Evaluation extends Measured {
  created_at: string;
  report?: Report | null;
}

export interface Checkpoint {
  id: string;
  run_id: string;
  step: number;
  bytes: number;
  digest: string;
  metrics: Record<string, number | null>;
  created_at: string;
}

export interface Accuracy {
  right: number;
  n: number;
  exact_accuracy: number;
  interval: [number, number];
}

/** Fields of an effort that searches until the rules agree. */
export type Searching = { max_steps?: number; restart_steps?: number; guess_every?: number };

export interface Model {
  name: string;
  puzzle: Spec;
  any_size: boolean;
  random_start: boolean;
  dataset: string;
  preset: string;
  parameters: number;
  bytes: number;
  licence: string;
  cost: string;
  test: Accuracy;
  step_exact_accuracy: number[];
  calibration: { low: number; high: number; answers: number; halt_probability: number; right: number }[];
  calibration_error: number;
  harder: (Accuracy & { effort: Searching; verified: number | null; mean_total_steps: number }) | null;
}

export interface Promoted {
  name: string;
  version: number;
  checkpoint_id: string;
  created_at: string;
}

/** Those that ship stand on the first page alone. */
export interface ModelList extends Page<Model> {
  promoted: Promoted[];
}

export interface Dataset {
  id: string;
  name: string;
  builtin: boolean;
  summary: string | null;
  licence: string | null;
  kind: Spec["kind"];
  puzzle: Spec;
  splits: Record<string, number | null>;
  overlap: number | null;
  report: { clean: boolean; findings: string[]; presets: string[] } | null;
  created_at: string | null;
}

export interface Preset {
  name: string;
  summary: string;
  dataset: string;
  hardware: string;
}

export interface PresetDetail extends Preset {
  puzzle: Spec;
  model: Section;
  train: Section;
}

export interface Measure {
  value: number;
  low: number;
  high: number;
}

export interface Bin {
  low: number;
  high: number;
  answers: number;
  halt_probability: number;
  right: Measure;
}

export interface Group {
  low: number;
  high: number;
  n: number;
  exact: Measure;
  mean_total_steps: number;
}

export interface Report {
  n: number;
  exact: Measure;
  cell_accuracy: number;
  verified: Measure | null;
  mean_supervision_steps: number;
  mean_total_steps: number;
  stopped: Record<string, number>;
  steps: { step: number; exact: Measure; cell_accuracy: number; mean_total_steps: number }[];
  calibration: { answers: number; bins: Bin[]; error: Measure; brier: Measure };
  by_rating: Group[] | null;
  by_clues: Group[] | null;
}
