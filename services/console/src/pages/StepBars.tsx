// Exact accuracy after each supervision step, as bars whose foot is not zero where all are high.
import { percent } from "../ui/format";

const WIDTH = 560, HEIGHT = 150, LEFT = 46, BOTTOM = 22, TOP = 8;

export function StepBars({ shares }: { shares: number[] }) {
  const least = Math.min(...shares);
  const foot = least > 0.9 ? 0.9 : least > 0.5 ? 0.5 : 0;
  const y = (share: number) => TOP + (1 - (share - foot) / (1 - foot)) * (HEIGHT - TOP - BOTTOM);
  const slot = (WIDTH - LEFT) / shares.length;
  const said = shares.map((share, i) => `step ${i + 1}: ${percent(share)}`).join(", ");
  return (
    <svg class="curve bars" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Exact accuracy after each supervision step. ${said}`}>
      {[foot, (1 + foot) / 2, 1].map((share) => (
        <g class="rule" key={share}>
          <line x1={LEFT} x2={WIDTH} y1={y(share)} y2={y(share)} />
          <text x={LEFT - 6} y={y(share) + 4} text-anchor="end">{percent(share, 0)}</text>
        </g>
      ))}
      {shares.map((share, i) => (
        <g key={i}>
          <rect class="bar-rect" x={LEFT + i * slot + slot * 0.18} width={slot * 0.64} y={y(share)} height={y(foot) - y(share)} rx={2}><title>{`Step ${i + 1}: ${percent(share, 2)}`}</title></rect>
          <text x={LEFT + (i + 0.5) * slot} y={HEIGHT - 6} text-anchor="middle">{i + 1}</text>
        </g>
      ))}
    </svg>
  );
}
