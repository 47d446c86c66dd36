// Choose a model, give it a puzzle, and watch it think.
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, key, Problem, revivals } from "../api/client";
import { asProblem } from "../api/resource";
import type { Job, Spec } from "../api/types";
import { example } from "../board/examples";
import { empty, sameShape } from "../board/spec";
import { amend, go, route } from "../router";
import { ProblemNote } from "../ui/ProblemNote";
import { Heading, Loading } from "../ui/parts";
import { ArcTasks } from "./ArcTasks";
import { effort, fields, harder, stepsOf, type StoppingRules } from "./effort";
import { EffortForm } from "./EffortForm";
import { choices, solverOf, type Choice, type Solver } from "./models";
import { ModelPicker } from "./ModelPicker";
import { PuzzleInput } from "./PuzzleInput";
import { Session, sessionOf, type Request } from "./session";
import { Watch } from "./Watch";

const MANY_STEPS = 64; // to be looked at one by one
const known = signal<{ shipped: Choice[]; trained: Choice[] }>({ shipped: [], trained: [] });
const solver = signal<Solver | null>(null);
const spec = signal<Spec | null>(null);
export const puzzles = signal<string[][]>([]);
const session = signal<Session | null>(null);
const beside = signal<Session | null>(null);
const problem = signal<Problem | null>(null);

export function SolvePage() {
  const { parts, query } = route.value;
  const jobId = parts[1] ?? null;
  const asked = query.get("model");
  const revived = revivals.value;
  useEffect(() => void readChoices(asked), [asked, revived, key.value]);
  useEffect(() => void open(jobId, query), [jobId]);
  const sub = "Choose a model, give it a puzzle, and watch every supervision step.";
  if (!solver.value) {
    return (
      <>
        <Heading title="Solve" sub={sub} />
        <ProblemNote problem={problem.value} />
        {!problem.value && <Loading what="the models" />}
      </>
    );
  }
  return (
    <>
      <Heading title="Solve" sub={sub} />
      <div class="solve">
        <aside class="controls">
          <ModelPicker known={known.value} solver={solver.value} spec={spec.value ?? solver.value.spec} choose={(id) => void choose(id)} resize={resize} />
          <EffortForm solver={solver.value} />
        </aside>
        <div class="stage">
          <ProblemNote problem={problem.value ?? session.value?.problem.value ?? null} />
          {session.value && jobId ? (
            <Watch session={session.value} beside={beside.value} request={requestOf(session.value)} edit={edit} again={() => void solve()} harder={thinkHarder} thinkOn={(more, rules) => void thinkOn(more, rules)} keep={keep} />
          ) : solver.value.spec.kind === "arc" ? (
            <ArcTasks dataset={solver.value.dataset}>
              <p class="note">The service does not answer ARC tasks: their answers are voted on by many variants of a task. <code>trm arc --checkpoint FOLDER</code> does that with a downloaded checkpoint.</p>
            </ArcTasks>
          ) : (
            <PuzzleInput spec={spec.value ?? solver.value.spec} dataset={ownDataset(solver.value, spec.value)} puzzles={puzzles} solve={() => void solve()} />
          )}
        </div>
      </div>
    </>
  );
}

async function readChoices(asked: string | null): Promise<void> {
  try {
    known.value = await choices();
    if (route.value.parts[1]) return; // the solve of the address brings its model
    const first = asked ?? solver.value?.id ?? known.value.shipped[0]?.id ?? known.value.trained[0]?.id;
    if (!first) throw new Problem("No model can solve yet", "None ships with this service, and none was trained: start a training first.");
    if (solver.value?.id !== first) take(await solverOf(first));
    problem.value = null;
  } catch (error) {
    problem.value = asProblem(error);
  }
}

/** The data set of the model, where its puzzles have the size that was chosen. */
function ownDataset(chosen: Solver, shape: Spec | null): string | null {
  return !shape || sameShape(chosen.spec, shape) ? chosen.dataset : null;
}

/** Another model; a solve in sight stays as long as the next one can take its puzzle. */
async function choose(id: string): Promise<void> {
  try {
    const isNew = take(await solverOf(id));
    if (!route.value.parts[1]) amend({ model: id, puzzle: null });
    else if (isNew) edit();
    problem.value = null;
  } catch (error) {
    problem.value = asProblem(error);
  }
}

/** Whether it needs another puzzle. */
function take(chosen: Solver): boolean {
  solver.value = chosen;
  const isNew = !spec.value || !fits(chosen, spec.value);
  if (isNew) begin(chosen.spec);
  return isNew;
}

function fits(chosen: Solver, shape: Spec): boolean {
  return sameShape(chosen.spec, shape) || (chosen.anySize && chosen.spec.kind === shape.kind);
}

function resize(shape: Spec): void {
  begin(shape);
  if (route.value.parts[1]) edit();
}

function begin(shape: Spec): void {
  const given = [...(route.value.query.get("puzzle") ?? "")];
  const begun = given.length === shape.rows * shape.cols ? given : example(shape, 0);
  spec.value = shape;
  puzzles.value = [begun.length ? begun : empty(shape)];
}

/** Show the job of the address, unless it is the one that was just asked for. */
async function open(jobId: string | null, query: URLSearchParams): Promise<void> {
  if (jobId === null || session.value?.job.value?.id === jobId) return;
  try {
    const job = await get<Job>(`v1/jobs/${jobId}`);
    if (job.kind !== "solve") throw new Problem("This is no solve job", `${jobId} is of the kind ${job.kind}: find it among the jobs.`);
    const opened = await sessionOf(job);
    replace(opened);
    solver.value = opened.solver;
    spec.value = opened.spec;
    puzzles.value = opened.questions;
    const step = query.get("step");
    if (step) opened.show(Number(step));
    problem.value = null;
  } catch (error) {
    problem.value = asProblem(error);
  }
}

async function solve(): Promise<void> {
  if (!solver.value || !spec.value) return;
  const chosen = effort.value;
  const threshold = chosen.halting === "threshold" ? chosen.threshold : 0.5;
  const begun = new Session(solver.value, spec.value, puzzles.value, threshold);
  begun.effort = fields(chosen);
  if (stepsOf(chosen, solver.value) > MANY_STEPS) begun.stepsASecond.value = 30;
  replace(begun);
  const id = await begun.begin(requestOf(begun));
  if (id) go(`solve/${id}`);
}

/** Solve it again, until the rules agree. */
function thinkHarder(): void {
  if (!solver.value) return;
  effort.value = harder(solver.value);
  void solve();
}

async function thinkOn(more: number, rules: StoppingRules): Promise<void> {
  const id = await session.value?.thinkOn(more, rules);
  if (id) go(`solve/${id}`);
}

function requestOf(shown: Session): Request {
  return { model: shown.solver.id, shipped: shown.solver.shipped, puzzles: shown.questions.map((cells) => cells.join("")), effort: shown.effort };
}

function replace(next: Session): void {
  if (session.value !== beside.value) session.value?.close();
  session.value = next;
}

/** Keep this solve on the left, so that the next one stands beside it. */
function keep(): void {
  const kept = beside.value;
  beside.value = kept ? null : session.value;
  if (kept && kept !== session.value) kept.close();
}

function edit(): void {
  go("solve", { model: solver.value?.id });
}

// both boards show the same step
effect(() => {
  const step = session.value?.shown.value;
  const other = beside.peek();
  if (other && step !== undefined && other !== session.peek()) other.show(step);
});
