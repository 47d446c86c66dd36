// How hard to think, as plain controls with their cost.
import { plural } from "../ui/format";
import { chainsOf, effort, PLAIN, stepsOf, type Effort, type Halting } from "./effort";
import type { Solver } from "./models";
import { Field } from "../ui/parts";

const HALTING: Record<Halting, string> = {
  budget: "after all steps",
  threshold: "when the model is sure",
  stable: "when the answer is stable",
  verified: "when the rules agree",
};

function set(change: Partial<Effort>): void {
  effort.value = { ...effort.value, ...change };
}

export function EffortForm({ solver }: { solver: Solver }) {
  const chosen = effort.value;
  const steps = stepsOf(chosen, solver);
  const chains = chainsOf(chosen);
  const canVerify = ["sudoku", "maze"].includes(solver.spec.kind);
  const restarts = chosen.halting === "verified" && solver.randomStart;
  return (
    <fieldset class="effort">
      <legend>Effort</legend>
      <NumberField label="Most steps" value={steps} min={1} max={1024} set={(n) => set({ maxSteps: n === solver.steps ? null : n })} />
      <Field label="Stop thinking">
        <select value={chosen.halting} onChange={(event) => set({ halting: event.currentTarget.value as Halting })}>
          {Object.entries(HALTING).map(([value, label]) => (
            <option value={value} disabled={value === "verified" && !canVerify}>{label}</option>
          ))}
        </select>
      </Field>
      {chosen.halting === "threshold" && (
        <Field label="At halting probability">
          <span class="slider">
            <input type="range" min={0.05} max={0.99} step={0.01} value={chosen.threshold} onInput={(event) => set({ threshold: Number(event.currentTarget.value) })} />
            <output>{chosen.threshold.toFixed(2)}</output>
          </span>
        </Field>
      )}
      {chosen.halting === "stable" && <NumberField label="Unchanged steps" value={chosen.stableSteps} min={1} max={64} set={(n) => set({ stableSteps: n })} />}
      {restarts && <Optional label="Restart after" value={chosen.restartSteps} min={2} set={(n) => set({ restartSteps: n })} />}
      {restarts && chosen.restartSteps !== null && solver.spec.kind === "sudoku" && (
        <Optional label="Guess a cell every" value={chosen.guessEvery} min={1} set={(n) => set({ guessEvery: n })} />
      )}
      <details>
        <summary>Several chains of thought</summary>
        <NumberField label="Views (symmetries)" value={chosen.views} min={1} max={256} set={(n) => set({ views: n })} />
        <NumberField label="Rollouts" value={chosen.rollouts} min={1} max={256} set={(n) => set({ rollouts: n, noise: n > 1 && !chosen.noise ? 0.3 : chosen.noise })} />
        <NumberField label="Noise" value={chosen.noise} min={0} max={10} step={0.1} set={(n) => set({ noise: n })} />
        <Field label="Take the answer of">
          <select value={chosen.choose} onChange={(event) => set({ choose: event.currentTarget.value })}>
            <option value="halt_probability">the surest chain</option>
            <option value="votes">most chains</option>
            <option value="first">the first to halt</option>
          </select>
        </Field>
        <NumberField label="Seed" value={chosen.seed} min={0} max={2147483647} set={(n) => set({ seed: n })} />
      </details>
      <p class="cost">
        At most <b>{plural(steps * chains, "supervision step")}</b> a puzzle
        {chains > 1 && `: ${chains} chains of ${steps}`}
        {steps > solver.steps && `. The model was trained with ${solver.steps}`}.{" "}
        {effort.value !== PLAIN && <button type="button" class="link" onClick={() => (effort.value = PLAIN)}>Reset</button>}
      </p>
    </fieldset>
  );
}

interface NumberProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  set: (value: number) => void;
}

function NumberField({ label, value, min, max, step = 1, set: change }: NumberProps) {
  const note = (text: string) => {
    const given = Number(text);
    if (text !== "" && given >= min && given <= max) change(given);
  };
  return (
    <Field beside label={label}>
      <input type="number" value={value} min={min} max={max} step={step} onChange={(event) => note(event.currentTarget.value)} />
    </Field>
  );
}

function Optional({ label, value, min, set: change }: { label: string; value: number | null; min: number; set: (value: number | null) => void }) {
  return (
    <Field beside label={`${label} (steps)`}>
      <input type="number" value={value ?? ""} min={min} max={1024} placeholder="never" onChange={(event) => change(event.currentTarget.value ? Number(event.currentTarget.value) : null)} />
    </Field>
  );
}
