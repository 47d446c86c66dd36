// Which model, and for one that answers every size, which size.
import type { Spec } from "../api/types";
import { called, maze, sudoku, SUDOKU_BOXES } from "../board/spec";
import { href } from "../router";
import type { Choice, Solver } from "./models";
import { Field } from "../ui/parts";

const MAZE_SIDES = [10, 15, 20, 30, 40];

interface Props {
  known: { shipped: Choice[]; trained: Choice[] };
  solver: Solver;
  spec: Spec;
  choose: (id: string) => void;
  resize: (spec: Spec) => void;
}

export function ModelPicker({ known, solver, spec, choose, resize }: Props) {
  return (
    <fieldset>
      <legend>Model</legend>
      <ModelSelect known={known} solver={solver} choose={choose} />
      {solver.anySize ? (
        <Field label="Size">
          <SizeSelect spec={spec} resize={resize} />
        </Field>
      ) : (
        <p class="cost">Solves {called(solver.spec)}s in up to {solver.steps} steps.</p>
      )}
      <p class="cost">
        {solver.shipped ? <a href={href(`models/${solver.id}`)}>What was measured of it</a> : <a href={href(`runs/${solver.runId}`)}>How it was trained</a>}
      </p>
    </fieldset>
  );
}

export function ModelSelect({ known, solver, choose }: Pick<Props, "known" | "solver" | "choose">) {
  const listed = [...known.shipped, ...known.trained].some((choice) => choice.id === solver.id);
  return (
    <select aria-label="Model" value={solver.id} onChange={(event) => choose(event.currentTarget.value)}>
      {!listed && <option value={solver.id}>{solver.label}</option>}
      <Group label="Shipped with the service" choices={known.shipped} />
      <Group label="Trained here" choices={known.trained} />
    </select>
  );
}

function Group({ label, choices }: { label: string; choices: Choice[] }) {
  if (!choices.length) return null;
  return (
    <optgroup label={label}>
      {choices.map((choice) => (
        <option value={choice.id}>{choice.label}</option>
      ))}
    </optgroup>
  );
}

function SizeSelect({ spec, resize }: { spec: Spec; resize: (spec: Spec) => void }) {
  const shapes = spec.kind === "maze" ? MAZE_SIDES.map((side) => maze(side, side)) : SUDOKU_BOXES.map(sudoku);
  const all = shapes.some((shape) => called(shape) === called(spec)) ? shapes : [spec, ...shapes];
  return (
    <select value={called(spec)} onChange={(event) => resize(all.find((shape) => called(shape) === event.currentTarget.value)!)}>
      {all.map((shape) => (
        <option value={called(shape)}>{called(shape)}</option>
      ))}
    </select>
  );
}
