// The halting probability after each supervision step, with the threshold; a click shows that step.
import type { Session } from "./session";

const WIDTH = 420, HEIGHT = 196, LEFT = 30, RIGHT = 10, TOP = 12, BOTTOM = 40;

export function HaltingCurve({ session, most }: { session: Session; most: number }) {
  const steps = session.chainSteps.value;
  const last = Math.max(Math.min(most, 16), steps.at(-1)?.step ?? 0, 2); // few of many steps may be enough
  const x = (step: number) => LEFT + ((step - 1) / (last - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (share: number) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const shown = session.shown.value;
  const now = steps[shown - 1];
  const line = steps.map((step) => `${x(step.step)},${y(step.halt_probability)}`).join(" ");
  const every = Math.ceil(last / (last < 100 ? 16 : 8));
  const ticks = Array.from({ length: last }, (_, i) => i + 1).filter((step) => step === 1 || step % every === 0);
  const text = now
    ? `Halting probability after step ${now.step} of ${steps.length}: ${now.halt_probability.toFixed(3)}, threshold ${session.threshold}`
    : "Halting probability after each supervision step";
  const click = (event: MouseEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    const wanted = Math.round(1 + ((at - LEFT) / (WIDTH - LEFT - RIGHT)) * (last - 1));
    session.show(steps.filter((step) => step.step <= wanted).length);
  };
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={text} onClick={click}>
      {[0, 0.5, 1].map((share) => (
        <g class="rule" key={share}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(share)} y2={y(share)} />
          <text x={LEFT - 8} y={y(share) + 4} text-anchor="end">{share}</text>
        </g>
      ))}
      {ticks.map((step) => (
        <text class="tick" key={step} x={x(step)} y={HEIGHT - 24} text-anchor="middle">{step}</text>
      ))}
      <text x={WIDTH / 2} y={HEIGHT - 6} text-anchor="middle">supervision step</text>
      <line class="threshold" x1={LEFT} x2={WIDTH - RIGHT} y1={y(session.threshold)} y2={y(session.threshold)} />
      {steps.length > 1 && <polygon class="area" points={`${x(steps[0]!.step)},${y(0)} ${line} ${x(steps.at(-1)!.step)},${y(0)}`} />}
      <polyline class="line" points={line} />
      {now && <line class="now" x1={x(now.step)} x2={x(now.step)} y1={TOP} y2={y(0)} />}
      {steps.map((step, i) => (
        <circle
          key={step.step}
          class={`dot ${step.verified === null ? "" : step.verified ? "right" : "wrong"} ${i === shown - 1 ? "here" : ""}`}
          cx={x(step.step)}
          cy={y(step.halt_probability)}
          r={i === shown - 1 ? 6 : last > 60 ? 2 : 4}
        />
      ))}
    </svg>
  );
}
