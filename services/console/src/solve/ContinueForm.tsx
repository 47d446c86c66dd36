// Think on: how many more steps, and what ends them.
import { useSignal } from "@preact/signals";
import { hasRules } from "../board/rules";
import { plural } from "../ui/format";
import type { StoppingRules } from "./effort";
import type { Session } from "./session";
import { bound } from "../ui/bound";

const MORE = [1, 4, 8, 16, 32, 64, 128, 256];
const SURE = [0.5, 0.9, 0.99];

export type ThinkOn = (more: number, rules: StoppingRules) => void;

export function ContinueForm({ session, thinkOn }: { session: Session; thinkOn: ThinkOn }) {
  const more = useSignal(16);
  const until = useSignal("all");
  const searches = "restart_steps" in session.effort;
  const ask = (event: Event) => {
    event.preventDefault();
    thinkOn(more.value, searches ? { until_verified: true } : rulesOf(until.value));
  };
  return (
    <form class="row continue" onSubmit={ask} aria-label="Continue thinking">
      <button disabled={!session.canContinue.value} title={session.canContinue.value || session.isThinking.value ? "" : "What it thought is not kept: solve it again"}>Continue thinking</button>
      <select aria-label="More steps" value={more.value} onChange={(event) => (more.value = Number(event.currentTarget.value))}>
        {MORE.map((steps) => <option value={steps}>for {plural(steps, "more step")}</option>)}
      </select>
      {!searches && (
        <select aria-label="Continue until" {...bound(until)}>
          <option value="all">all of them</option>
          <option value="rules" disabled={!hasRules(session.spec)}>or until the rules agree</option>
          {SURE.map((share) => <option value={share}>or until it is {100 * share} % sure</option>)}
        </select>
      )}
    </form>
  );
}

function rulesOf(until: string): StoppingRules {
  if (until === "rules") return { until_verified: true };
  return until === "all" ? {} : { halt_threshold: Number(until) };
}
