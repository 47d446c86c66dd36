// What a model can do after each supervision step, over its training: one column a measurement, one row a supervision step.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { StepValues } from "../api/types";
import { percent, whole } from "../ui/format";
import { bound } from "../ui/bound";

const SIGHTS = {
  step_exact_accuracy: "Exact accuracy",
  halt_probability: "Halting probability",
  halted: "Share that halted",
} as const;
type Sight = keyof typeof SIGHTS;
const RAMP = [[18, 18, 58], [84, 39, 143], [173, 50, 130], [236, 104, 83], [250, 190, 70], [252, 250, 170]];
const MOST_COLUMNS = 400;
const ROW = 16;

/** Evaluations see every puzzle at every step; the rows of a training see those that were there. */
export function HeatMap({ training, validation }: { training: StepValues[]; validation: StepValues[] }) {
  const source = useSignal<"training" | "validation" | null>(null);
  const of = source.value ?? (validation.length > 2 ? "validation" : "training");
  const rows = of === "validation" ? validation : training;
  const sight = useSignal<Sight>("step_exact_accuracy");
  const pointed = useSignal("");
  const canvas = useRef<HTMLCanvasElement>(null);
  const every = Math.ceil(rows.length / MOST_COLUMNS) || 1;
  const columns = rows.filter((_, i) => i % every === 0 || i === rows.length - 1);
  const steps = Math.max(1, ...columns.map((row) => row[sight.value].length));
  useEffect(() => draw(canvas.current, columns, steps, sight.value));
  if (!rows.length) return <p class="empty">Nothing was measured yet.</p>;
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const row = columns[Math.min(Math.floor(((event.clientX - box.left) / box.width) * columns.length), columns.length - 1)];
    const step = steps - Math.floor(((event.clientY - box.top) / box.height) * steps);
    const share = row?.[sight.value][step - 1];
    pointed.value = row ? `Training step ${whole(row.step)}, supervision step ${step}: ${share == null ? "no puzzle was there" : percent(share)}` : "";
  };
  const newest = columns.at(-1)!;
  const said = newest[sight.value].map((share, i) => `step ${i + 1} ${percent(share, 0)}`).join(", ");
  return (
    <figure class="heat">
      <figcaption>
        <span class="row">
        <select aria-label="What is shown" {...bound(sight)}>
          {Object.entries(SIGHTS).map(([value, name]) => (
            <option value={value}>{name}</option>
          ))}
        </select>
        <select aria-label="Measured on" value={of} onChange={(event) => (source.value = event.currentTarget.value as "training" | "validation")}>
          <option value="validation" disabled={!validation.length}>of validation puzzles</option>
          <option value="training" disabled={!training.length}>of puzzles in training</option>
        </select>
        </span>
        <span class="legend" aria-hidden="true">0 % <i class="ramp" /> 100 %</span>
      </figcaption>
      <div class="heat-frame">
        <span class="axis-y" aria-hidden="true">supervision step</span>
        <div class="axis-steps" aria-hidden="true"><span>{steps}</span><span>1</span></div>
        <canvas
          ref={canvas}
          width={columns.length}
          height={steps}
          style={{ height: `${Math.max(steps * ROW, 96)}px` }}
          role="img"
          aria-label={`${SIGHTS[sight.value]} after each supervision step over the training. At training step ${newest.step}: ${said}`}
          onPointerMove={point}
          onPointerLeave={() => (pointed.value = "")}
        />
      </div>
      <p class="fine heat-foot">
        <span>{whole(columns[0]!.step)}</span>
        <span>{pointed.value || "training step"}</span>
        <span>{whole(newest.step)}</span>
      </p>
    </figure>
  );
}

function draw(canvas: HTMLCanvasElement | null, columns: StepValues[], steps: number, sight: Sight): void {
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return;
  const image = context.createImageData(columns.length, steps);
  columns.forEach((column, x) => {
    for (let step = 0; step < steps; step++) {
      const share = column[sight][step];
      const at = 4 * ((steps - 1 - step) * columns.length + x);
      if (share === null || share === undefined) continue;
      image.data.set([...shade(share), 255], at);
    }
  });
  context.putImageData(image, 0, 0);
}

function shade(share: number): number[] {
  const at = Math.max(0, Math.min(share, 1)) * (RAMP.length - 1);
  const low = RAMP[Math.floor(at)]!;
  const high = RAMP[Math.ceil(at)]!;
  return low.map((value, i) => Math.round(value + (high[i]! - value) * (at % 1)));
}
