// Curves over training steps, drawn by uPlot in the colours of the theme.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { brief } from "./format";
import { colour, colours } from "./theme";

export type Points = [x: number[], y: (number | null)[]];

export interface Line {
  label: string;
  points: Points;
  /** Marks alone, for what is measured now and then. */
  marks?: boolean;
  /** Which colour of the series; its place if left out. */
  tone?: number;
}

interface Props {
  title: string;
  lines: Line[];
  format?: (value: number | null) => string;
  /** Bounds of the y axis, where they are known. */
  range?: [number, number];
}

const HEIGHT = 226;

export function Chart({ title, lines, format = brief, range }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawn = lines.filter((line) => line.points[0].length > 0);
  const names = drawn.map((line) => `${line.label}${line.marks ?? ""}${line.tone ?? ""}`).join();
  const data = (drawn.length ? uPlot.join(drawn.map((line) => line.points)) : [[]]) as uPlot.AlignedData;
  const tone = colours.value;
  useEffect(() => {
    const element = box.current;
    if (!element || !drawn.length) return;
    const made = new uPlot(options(element.clientWidth, drawn, format, range), data, element);
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    plot.current = made;
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, tone]);
  useEffect(() => plot.current?.setData(data), [data]);
  const last = drawn.map((line) => `${line.label} ${format(line.points[1].findLast((y) => y !== null) ?? null)}`).join(", ");
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      {drawn.length ? <div ref={box} role="img" aria-label={`${title}; last values: ${last}`} /> : <p class="empty">Nothing was measured yet.</p>}
    </figure>
  );
}

function options(width: number, lines: Line[], format: (value: number | null) => string, range?: [number, number]): uPlot.Options {
  const soft = colour("soft");
  const axis: uPlot.Axis = { stroke: soft, grid: { stroke: colour("edge"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    cursor: { points: { size: 7 }, sync: { key: "run" } },
    legend: { live: true },
    hooks: { ready: [showLast], setData: [showLast], setCursor: [(plot: uPlot) => plot.cursor.idx == null && showLast(plot)] },
    scales: { x: { time: false }, y: range ? { range: () => range } : {} },
    axes: [{ ...axis, size: 30, label: "training step", labelSize: 18, labelFont: axis.font, values: (_, ticks) => ticks.map((tick) => brief(tick)) }, { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => format(tick)) }],
    series: [
      { label: "step" },
      ...lines.map((line, i) => {
        const stroke = colour(`series-${((line.tone ?? i) % 8) + 1}`);
        const value = (_: uPlot, y: number | null) => format(y);
        if (line.marks) return { label: line.label, stroke, width: 1.5, spanGaps: true, dash: [4, 4], points: { show: true, size: 8, fill: stroke }, value };
        return { label: line.label, stroke, width: 2, spanGaps: true, points: { show: line.points[0].length < 3, size: 6 }, value };
      }),
    ],
  };
}

/** While nothing is pointed at, the legend tells the newest values. */
function showLast(plot: uPlot): void {
  plot.setLegend({ idxs: plot.data.map((values) => [...values].findLastIndex((value) => value != null)) }, false);
}
