// A solve in sight: the board after each step, the halting curve beside it, what the step did, and how to ask for the same elsewhere.
import { useSignal } from "@preact/signals";
import { key } from "../api/client";
import type { Solution, Step } from "../api/types";
import { Board } from "../board/Board";
import { hasRules } from "../board/rules";
import { Copy } from "../ui/Copy";
import { duration, plural } from "../ui/format";
import { ContinueForm, type ThinkOn } from "./ContinueForm";
import { HaltingCurve } from "./HaltingCurve";
import { Player } from "./Player";
import { LANGUAGES, snippet, type Language } from "./snippets";
import { described } from "./effort";
import type { Request, Session } from "./session";

interface Props {
  session: Session;
  beside: Session | null;
  request: Request;
  edit: () => void;
  again: () => void;
  harder: () => void;
  thinkOn: ThinkOn;
  keep: () => void;
}

export function Watch({ session, beside, request, edit, again, harder, thinkOn, keep }: Props) {
  const other = beside && beside !== session ? beside : null;
  const hasFailed = session.solution.value?.verified === false && !session.effort["until_verified"];
  return (
    <div class={other ? "watch two" : "watch"}>
      {other && <Panel session={other} name={other.solver.label} titled />}
      <Panel session={session} name={session.solver.label} titled={other !== null}>
        <ContinueForm session={session} thinkOn={thinkOn} />
        <div class="row">
          {hasFailed && <button class="primary" title="Until the rules agree, with more steps" onClick={harder}>Think harder</button>}
          <button class={hasFailed ? "" : "primary"} onClick={again} disabled={session.isThinking.value}>Solve again</button>
          <button onClick={edit}>Edit the puzzle</button>
          <button aria-pressed={beside !== null} onClick={keep}>{beside ? "Stop comparing" : "Compare with the next"}</button>
        </div>
      </Panel>
      <Elsewhere request={request} />
    </div>
  );
}

function Panel({ session, name, titled, children }: { session: Session; name: string; titled: boolean; children?: preact.ComponentChildren }) {
  const step = session.step.value;
  const most = Number(session.effort["max_steps"] ?? session.solver.steps);
  return (
    <section class="panel" aria-label={name}>
      <div class="board-side">
        {titled && <h2>{name}<span class="fine"> {described(session.effort)}</span></h2>}
        <Board board={session.board} label={step ? `Answer after step ${step.step}` : "Question"} />
        <Player session={session} />
      </div>
      <div class="facts-side">
        <Verdict session={session} />
        <Choosers session={session} />
        <figure>
          <figcaption>Halting probability after each supervision step</figcaption>
          <HaltingCurve session={session} most={most} />
        </figure>
        <StepFacts session={session} step={step} />
        {children}
      </div>
    </section>
  );
}

function Verdict({ session }: { session: Session }) {
  const solution = session.solution.value;
  const job = session.job.value;
  if (session.problem.value) return null;
  if (job?.error) return <p class="verdict wrong" role="status">{job.error.message}</p>;
  if (!solution) {
    return <p class="verdict thinking" role="status">{session.arrived.value ? "Thinking …" : job?.status === "running" ? "A worker loads the model …" : "Waiting for a worker …"}</p>;
  }
  const kind = solution.verified === null ? "unknown" : solution.verified ? "right" : "wrong";
  const told = { right: "Solved: the rules agree", wrong: "Not solved", unknown: "Answered" }[kind];
  return (
    <p class={`verdict ${kind}`} role="status">
      <b>{told}</b> {why(solution)}
    </p>
  );
}

function why({ reason, supervision_steps: steps, total_supervision_steps: total, halt_probability: sure, chains }: Solution): string {
  const stopped = {
    verified: "stopped once the rules accepted it",
    halted: "stopped at its threshold",
    stable: "stopped when the answer was stable",
    budget: "used its whole budget",
  }[reason];
  const all = total > steps ? `; ${plural(total, "step")} in all of ${plural(chains, "chain")}` : "";
  return `${stopped}, ${plural(steps, "step")}${all}, ${(100 * sure).toFixed(1)} % sure.`;
}

function Choosers({ session }: { session: Session }) {
  const { questions } = session;
  const chains = session.chains.value;
  if (questions.length < 2 && chains.length < 2) return null;
  const chosen = session.solution.value?.chain;
  return (
    <div class="row">
      {questions.length > 1 && (
        <select aria-label="Puzzle" value={session.puzzle.value} onChange={(event) => session.choosePuzzle(Number(event.currentTarget.value))}>
          {questions.map((_, i) => (
            <option value={i}>Puzzle {i + 1} of {questions.length}{verdictOf(session.solutions.value.find((found) => found.index === i))}</option>
          ))}
        </select>
      )}
      {chains.length > 1 && (
        <select aria-label="Chain of thought" value={session.chain.value} onChange={(event) => session.chooseChain(Number(event.currentTarget.value))}>
          {chains.map((chain) => (
            <option value={chain}>Chain {chain + 1} of {chains.length}{chain === chosen ? ", whose answer is given" : ""}</option>
          ))}
        </select>
      )}
    </div>
  );
}

function verdictOf(solution: Solution | undefined): string {
  return solution?.verified === true ? " – solved" : solution?.verified === false ? " – not solved" : "";
}

function StepFacts({ session, step }: { session: Session; step: Step | null }) {
  if (!step) return <p class="step-facts">The question. Arrow keys move through the steps, the space bar plays.</p>;
  const broken = session.broken.value;
  const ms = session.firstBoardMs.value;
  return (
    <div class="step-facts" aria-live="off">
      <p>
        <b>Step {step.step}</b>: {plural(step.changed_cells.length, "cell")} changed, halting probability <b>{step.halt_probability.toFixed(3)}</b>
        {hasRules(session.spec) && (step.verified ? ", the rules agree" : broken.length ? "" : ", not solved yet")}.
      </p>
      {broken.length > 0 && (
        <ul class="broken-list">
          {broken.slice(0, 4).map((violation) => (
            <li>{violation.detail}</li>
          ))}
          {broken.length > 4 && <li>and {broken.length - 4} more</li>}
        </ul>
      )}
      {ms ? <p class="fine" data-first-board={ms}>First board {duration(ms / 1000)} after the request</p> : null}
    </div>
  );
}

function Elsewhere({ request }: { request: Request }) {
  const language = useSignal<Language>("curl");
  const text = snippet(language.value, request, key.value !== "");
  return (
    <section class="elsewhere card wide" aria-label="The same elsewhere">
      <div class="card-head">
        <div class="tabs" role="group" aria-label="Language">
          {(Object.keys(LANGUAGES) as Language[]).map((name) => (
            <button aria-pressed={language.value === name} onClick={() => (language.value = name)}>{LANGUAGES[name]}</button>
          ))}
        </div>
        <Copy text={text} />
      </div>
      <pre tabIndex={0} aria-label={LANGUAGES[language.value]}>{text}</pre>
    </section>
  );
}
