// Plots of an evaluation: accuracy by step or compute with its 95 % band, and how far the halting probability can be trusted.
import type { Bin, Measure } from "../api/types";
import { percent } from "../ui/format";

const FEET = [0.98, 0.96, 0.92, 0.8, 0.6]; // where four rules stand at round shares
const WIDTH = 460, HEIGHT = 272, LEFT = 48, RIGHT = 18, TOP = 26, BOTTOM = 40;

function frame(most: number, foot: number) {
  return {
    x: (value: number) => LEFT + (value / most) * (WIDTH - LEFT - RIGHT),
    y: (share: number) => TOP + (1 - (share - foot) / (1 - foot)) * (HEIGHT - TOP - BOTTOM),
  };
}

function Axes({ y, foot, ticks, label, up }: { y: (share: number) => number; foot: number; ticks: [number, string][]; label: string; up: string }) {
  const shares = [0, 0.25, 0.5, 0.75, 1].map((part) => foot + part * (1 - foot));
  return (
    <>
      {shares.map((share) => (
        <g class="rule" key={share}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(share)} y2={y(share)} />
          <text x={LEFT - 8} y={y(share) + 4} text-anchor="end">{percent(share, foot > 0.96 ? 1 : 0)}</text>
        </g>
      ))}
      {ticks.map(([at, text]) => (
        <text key={text} x={at} y={HEIGHT - BOTTOM + 16} text-anchor="middle">{text}</text>
      ))}
      <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 4} text-anchor="middle">{label}</text>
      <text y={12}>{up}</text>
    </>
  );
}

/** A share that was measured without an interval. */
export function certain(share: number): Measure {
  return { value: share, low: share, high: share };
}

/** Shares over steps or compute, with their intervals as a band. */
export function BandPlot({ label, points }: { label: string; points: { x: number; share: Measure }[] }) {
  const most = Math.max(...points.map((point) => point.x));
  const least = Math.min(...points.map((point) => point.share.low));
  const foot = FEET.find((share) => share <= least) ?? 0;
  const { x, y } = frame(most, foot);
  const upper = points.map((point) => `${x(point.x)},${y(point.share.high)}`);
  const lower = points.map((point) => `${x(point.x)},${y(Math.max(point.share.low, foot))}`).reverse();
  const every = Math.ceil(points.length / 8);
  const ticks = points.filter((_, i) => (points.length - 1 - i) % every === 0).map((point): [number, string] => [x(point.x), String(Math.round(10 * point.x) / 10)]);
  const last = points.at(-1)!;
  return (
    <svg class="curve plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Exact accuracy over ${label}; at ${last.x}: ${percent(last.share.value)}`}>
      <Axes y={y} foot={foot} ticks={ticks} label={label} up="exact accuracy" />
      <polygon class="area" points={[...upper, ...lower].join(" ")} />
      <polyline class="line" points={points.map((point) => `${x(point.x)},${y(point.share.value)}`).join(" ")} />
      {points.map((point) => (
        <circle class="dot" cx={x(point.x)} cy={y(point.share.value)} r={3}><title>{`${point.x}: ${percent(point.share.value, 2)}`}</title></circle>
      ))}
    </svg>
  );
}

/** Share right over halting probability: on the diagonal the model is as often right as it says. */
export function ReliabilityPlot({ bins }: { bins: Bin[] }) {
  const { x, y } = frame(1, 0);
  const most = Math.max(...bins.map((bin) => bin.answers));
  const said = bins.map((bin) => `${percent(bin.halt_probability, 0)} sure: ${percent(bin.right.value, 0)} right`).join(", ");
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((value): [number, string] => [x(value), percent(value, 0)]);
  return (
    <svg class="curve plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Share right over halting probability. ${said}`}>
      <Axes y={y} foot={0} ticks={ticks} label="halting probability" up="share right" />
      <line class="ideal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
      {bins.map((bin) => (
        <g key={bin.low}>
          <line class="whisker" x1={x(bin.halt_probability)} x2={x(bin.halt_probability)} y1={y(bin.right.low)} y2={y(bin.right.high)} />
          <circle class="dot" cx={x(bin.halt_probability)} cy={y(bin.right.value)} r={3 + 6 * Math.sqrt(bin.answers / most)}>
            <title>{`${percent(bin.halt_probability)} sure, ${percent(bin.right.value)} right, ${bin.answers} answers`}</title>
          </circle>
        </g>
      ))}
    </svg>
  );
}
