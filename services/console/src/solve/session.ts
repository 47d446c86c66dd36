// One solve that is watched: the job, every step of every chain of every puzzle as it arrives, and which of them is shown.
import { batch, computed, effect, signal } from "@preact/signals";
import { get, pause, Problem, send } from "../api/client";
import { asProblem } from "../api/resource";
import { follow } from "../api/stream";
import type { Job, JobEvent, Solution, Spec, Step, Violation } from "../api/types";
import { violations } from "../board/rules";
import { sudoku, SUDOKU_BOXES } from "../board/spec";
import { boardOf, paint, type BoardState } from "../board/state";
import { under, type StoppingRules } from "./effort";
import { solverOf, type Solver } from "./models";

const NONE: Step[] = [];
const LOOK_MILLISECONDS = 1000;
const FIRST_LOOK_MILLISECONDS = 8; // the first step is shown at once

export interface Request {
  model: string;
  /** Whether programs elsewhere have it too, by this name. */
  shipped: boolean;
  puzzles: string[];
  effort: Record<string, number | boolean | string>;
}

/** A watched solve. `shown` is a position in the steps of the chain in sight: 0 is the question, k the answer after step k. */
export class Session {
  readonly job = signal<Job | null>(null);
  readonly problem = signal<Problem | null>(null);
  readonly solutions = signal<Solution[]>([]);
  readonly puzzle = signal(0);
  readonly chain = signal(0);
  readonly shown = signal(0);
  readonly playing = signal(true);
  readonly stepsASecond = signal(6);
  readonly firstBoardMs = signal<number | null>(null);
  readonly board: BoardState;
  /** Fields of the request, as far as they are known: not of a job that was opened by its address. */
  effort: Request["effort"] = {};
  threshold: number;
  readonly arrived = signal(0);
  readonly #steps = new Map<string, Step[]>();
  readonly #ending = new AbortController();
  #postedAt: number | null = null;
  #chainIsChosen = false;

  constructor(readonly solver: Solver, readonly spec: Spec, readonly questions: string[][], threshold: number) {
    this.threshold = threshold;
    this.board = boardOf(spec);
    this.#ends.push(effect(() => this.#repaint()));
    void this.#play();
  }

  readonly #ends: (() => void)[] = [];

  readonly chainSteps = computed<Step[]>(() => {
    void this.arrived.value;
    return this.#steps.get(`${this.puzzle.value}/${this.chain.value}`) ?? NONE;
  });
  readonly chains = computed<number[]>(() => {
    void this.arrived.value;
    const mine = [...this.#steps.keys()].map((name) => name.split("/").map(Number));
    return mine.filter(([puzzle]) => puzzle === this.puzzle.value).map(([, chain]) => chain!).sort((a, b) => a - b);
  });
  readonly solution = computed(() => this.solutions.value.find((found) => found.index === this.puzzle.value) ?? null);
  readonly step = computed<Step | null>(() => this.chainSteps.value[this.shown.value - 1] ?? null);
  readonly broken = computed<Violation[]>(() => {
    const step = this.step.value;
    const question = this.questions[this.puzzle.value];
    return step && question ? violations(this.spec, question, [...step.answer]) : [];
  });
  readonly isThinking = computed(() => ["queued", "running"].includes(this.job.value?.status ?? "queued") && !this.problem.value);

  /** Whether the service has kept what further steps begin with. */
  readonly canContinue = computed(() => !this.isThinking.value && "continue" in (this.job.value?.links ?? {}));
  /** Steps of the furthest chain. */
  readonly made = computed(() => {
    void this.arrived.value;
    return Math.max(0, ...[...this.#steps.values()].map((steps) => steps.at(-1)?.step ?? 0));
  });

  /** Ask for a solve, and watch it. */
  async begin(request: Request): Promise<string | null> {
    const { puzzles, model, effort } = request;
    const asked = puzzles.length === 1 ? { puzzle: puzzles[0] } : { puzzles };
    try {
      this.#postedAt = performance.now();
      this.job.value = await submit("v1/solve-jobs", { model, ...asked, ...effort });
    } catch (error) {
      this.problem.value = asProblem(error);
      return null;
    }
    void this.watch(this.job.value.id);
    return this.job.value.id;
  }

  /** Ask for so many steps more, under these rules, and watch them where the others are. */
  async thinkOn(more: number, rules: StoppingRules): Promise<string | null> {
    const earlier = this.job.value;
    const asked = { ...rules, max_steps: this.made.value + more };
    try {
      const job = await submit(`v1/solve-jobs/${earlier?.id}/continue`, asked);
      batch(() => {
        this.effort = under(this.effort, asked);
        this.threshold = rules.halt_threshold ?? this.threshold;
        this.job.value = job;
        this.solutions.value = [];
        this.playing.value = true;
        this.problem.value = null;
      });
      void this.watch(job.id);
      return job.id;
    } catch (error) {
      this.problem.value = asProblem(error);
      return null;
    }
  }

  /** Follow the job to its end; then its solutions are known too. */
  async watch(jobId: string): Promise<void> {
    void this.#lookUntilItBegins(jobId);
    try {
      await follow(jobId, (event) => this.#note(event), this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      const job = await get<Job>(`v1/jobs/${jobId}`);
      batch(() => {
        this.job.value = job;
        this.solutions.value = job.result?.solutions ?? [];
        this.#showChosen();
      });
    } catch (error) {
      if (!this.#ending.signal.aborted) this.problem.value = asProblem(error);
    }
  }

  close(): void {
    this.#ending.abort();
    this.#ends.forEach((end) => end());
  }

  /** Jump to a step and stay there. */
  show(step: number): void {
    this.playing.value = false;
    this.shown.value = Math.max(0, Math.min(step, this.chainSteps.value.length));
  }

  togglePlay(): void {
    if (!this.playing.value && this.shown.value >= this.chainSteps.value.length) this.shown.value = 0;
    this.playing.value = !this.playing.value;
  }

  choosePuzzle(index: number): void {
    batch(() => {
      this.puzzle.value = index;
      this.chain.value = this.solution.value?.chain ?? 0;
      this.shown.value = this.chainSteps.value.length;
    });
  }

  chooseChain(chain: number): void {
    this.#chainIsChosen = true;
    this.chain.value = chain;
    this.shown.value = Math.min(this.shown.value, this.chainSteps.value.length);
  }

  /** No event tells that a worker has taken it up: the first is a step. */
  async #lookUntilItBegins(jobId: string): Promise<void> {
    await pause(LOOK_MILLISECONDS);
    while (!this.#ending.signal.aborted && !this.arrived.value && this.isThinking.value) {
      this.job.value = await get<Job>(`v1/jobs/${jobId}`).catch(() => this.job.value);
      await pause(LOOK_MILLISECONDS);
    }
  }

  #note(event: JobEvent): void {
    if (event.type !== "step") return;
    const step = { chain: 0, ...event.data };
    const name = `${step.puzzle}/${step.chain}`;
    const known = this.#steps.get(name) ?? [];
    this.#steps.set(name, [...known.filter((other) => other.step < step.step), step]); // another attempt starts over
    this.arrived.value += 1;
  }

  /** The chain whose answer was given, unless another was asked for. */
  #showChosen(): void {
    const chosen = this.solution.value?.chain;
    if (chosen === undefined || this.#chainIsChosen || chosen === this.chain.value) return;
    this.chain.value = chosen;
  }

  async #play(): Promise<void> {
    let due = performance.now();
    while (!this.#ending.signal.aborted) {
      const length = this.chainSteps.value.length;
      if (this.playing.value && this.shown.value < length) this.shown.value += 1;
      else if (this.playing.value && !this.isThinking.value && length) this.playing.value = false;
      const interval = this.shown.value === 0 ? FIRST_LOOK_MILLISECONDS : 1000 / this.stepsASecond.value;
      due = Math.max(due + interval, performance.now()); // what painting takes is no part of the pause
      await pause(due - performance.now());
    }
  }

  #repaint(): void {
    const question = this.questions[this.puzzle.value] ?? [];
    const step = this.step.value;
    const broken = new Set(this.broken.value.flatMap((violation) => violation.cells));
    paint(this.board, question, step ? [...step.answer] : question, new Set(step?.changed_cells), broken);
    if (step && this.#postedAt !== null && this.firstBoardMs.peek() === null) this.#measure(this.#postedAt);
  }

  #measure(postedAt: number): void {
    this.firstBoardMs.value = 0;
    requestAnimationFrame(() => setTimeout(() => (this.firstBoardMs.value = Math.round(performance.now() - postedAt))));
  }
}

/** With its steps, and with what it takes to continue where the service keeps that much. */
async function submit(path: string, asked: object): Promise<Job> {
  try {
    return await send<Job>("POST", path, { ...asked, trace: true, keep_carry: true });
  } catch (error) {
    const isTooLarge = error instanceof Problem && error.items.some((item) => item.pointer === "/keep_carry");
    if (!isTooLarge) throw error;
    return send<Job>("POST", path, { ...asked, trace: true });
  }
}

/** The job, after those that it continues as far as they are kept; the oldest comes first. */
async function lineOf(job: Job): Promise<Job[]> {
  const earlier = job.continues ? await get<Job>(`v1/jobs/${job.continues}`).catch(() => null) : null;
  return [...(earlier ? await lineOf(earlier) : []), job];
}

/** The session of an earlier job. */
export async function sessionOf(job: Job): Promise<Session> {
  const solver = await solverOf(job.model ?? "");
  const page = await get<{ data: Solution[] }>(`v1/jobs/${job.id}/solutions?limit=100`);
  const questions = page.data.map((found) => [...found.question]);
  const spec = fitting(solver.spec, questions[0]);
  const session = new Session(solver, spec, questions, 0.5);
  session.job.value = job;
  session.playing.value = false;
  for (const one of await lineOf(job)) await session.watch(one.id);
  session.shown.value = session.chainSteps.value.length;
  return session;
}

/** A model without a fixed size has solved another size than its own. */
function fitting(spec: Spec, question: string[] | undefined): Spec {
  if (!question || question.length === spec.rows * spec.cols) return spec;
  const size = Math.sqrt(question.length);
  if (spec.kind !== "sudoku") return { ...spec, rows: size, cols: size };
  const box = SUDOKU_BOXES.find(([height, width]) => height * width === size);
  return box ? sudoku(box) : spec;
}
