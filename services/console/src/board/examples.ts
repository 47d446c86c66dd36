// Puzzles to begin with, where no data set has puzzles of the size: well-known Sudokus, and mazes that are drawn here.
import type { Spec } from "../api/types";
import { distances } from "./rules";
import { GOAL, OPEN, START, WALL } from "./spec";

const SUDOKUS: Record<number, string[]> = {
  4: ["...4....2....4.3", "..21.....1.4.3..", "..1.4....2.....3"],
  6: [
    ".1254..3..6.12....35.1245.3.1.2..3..",
    "1.6543.4...1..4.5.2.....46.315.5..24",
    "4...366.....3.524121.56...3..4546...",
  ],
  9: [
    "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
    "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..",
    "19............57.........3...7...4.....2....92.5..3.6....9....1..3..8............",
  ],
};
const WALLS = 0.38;
const CELLS_DRAWN = 20_000; // in all layouts of a maze: a moment

export function hasExample(spec: Spec): boolean {
  return spec.kind === "maze" || (spec.kind === "sudoku" && spec.rows in SUDOKUS);
}

/** The example of this number; past the last one they begin again. */
export function example(spec: Spec, number: number): string[] {
  if (spec.kind === "maze") return drawMaze(spec);
  const known = SUDOKUS[spec.rows] ?? [];
  return [...(known[number % known.length] ?? "")];
}

/** The layout of many whose goal is farthest from its start. */
function drawMaze(spec: Spec): string[] {
  let best: string[] = [];
  let longest = -1;
  for (let drawn = 0; drawn < CELLS_DRAWN; drawn += spec.rows * spec.cols) {
    const cells = layout(spec);
    const reached = distances(spec, cells, (symbol) => symbol !== WALL);
    const steps = Math.max(...reached.map((d) => d ?? 0));
    if (steps <= longest) continue;
    longest = steps;
    best = cells;
    best[reached.indexOf(steps)] = GOAL;
  }
  return best;
}

function layout(spec: Spec): string[] {
  const cells: string[] = Array.from({ length: spec.rows * spec.cols }, () => (Math.random() < WALLS ? WALL : OPEN));
  cells[Math.floor(Math.random() * cells.length)] = START;
  return cells;
}
