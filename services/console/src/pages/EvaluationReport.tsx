// What an evaluation found: accuracy after each step, against compute, calibration of the halting head, and which puzzles are hard.
import type { Group, Measure, Report } from "../api/types";
import { percent, words } from "../ui/format";
import { Card, Facts, Table } from "../ui/parts";
import { BandPlot, ReliabilityPlot } from "./plots";

export function EvaluationReport({ report, title = "Result" }: { report: Report; title?: string }) {
  const { calibration, steps } = report;
  return (
    <>
      <Card wide title={title}>
        <Facts of={[
          ["Exact accuracy", withInterval(report.exact)],
          ["Puzzles", String(report.n)],
          ["Cells", percent(report.cell_accuracy, 2)],
          ["Rules agree", report.verified ? withInterval(report.verified) : "–"],
          ["Steps of the answer", report.mean_supervision_steps.toFixed(2)],
          ["Steps of all chains", report.mean_total_steps.toFixed(2)],
          ["Calibration error", withInterval(calibration.error)],
          ["Brier score", withInterval(calibration.brier, (score) => score.toFixed(4))],
          ...Object.entries(report.stopped).map(([reason, n]): [string, string] => [`Stopped: ${reason}`, String(n)]),
        ]} />
      </Card>
      <Card title="Exact accuracy after each supervision step"><BandPlot label="supervision step" points={steps.map((one) => ({ x: one.step, share: one.exact }))} /></Card>
      <Card title="When it is sure, is it right?"><ReliabilityPlot bins={calibration.bins} /></Card>
      <Card title="Exact accuracy against compute"><BandPlot label="supervision steps of all chains, a puzzle" points={steps.map((one) => ({ x: one.mean_total_steps, share: one.exact }))} /></Card>
      <Groups title="By rating" of={report.by_rating} />
      <Groups title="By givens" of={report.by_clues} />
    </>
  );
}

function withInterval({ value, low, high }: Measure, format = (share: number) => percent(share, 2)) {
  return <>{format(value)} <small class="fine">{format(low)} to {format(high)}</small></>;
}

function Groups({ title, of: groups }: { title: string; of: Group[] | null }) {
  if (!groups?.length) return null;
  const row = (group: Group) => [
    group.low === group.high ? group.low : `${group.low} to ${group.high}`,
    group.n,
    withInterval(group.exact),
    group.mean_total_steps.toFixed(1),
  ];
  return <Card title={title}><Table label={title} head={[words(title.replace("By ", "")), "Puzzles", "Exact accuracy", "Steps"]} rows={groups} row={row} empty="" /></Card>;
}
