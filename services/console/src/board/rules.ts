// Which cells of an answer break a rule, for boards that are shown while the model still thinks; the API's verdict is the last word.
import type { Spec, Violation } from "../api/types";
import { blankOf, GOAL, OPEN, PATH, START, WALL } from "./spec";

export function violations(spec: Spec, question: string[], answer: string[]): Violation[] {
  if (spec.kind === "maze") return ofMaze(spec, question, answer);
  return spec.kind === "sudoku" ? ofSudoku(spec, question, answer) : [];
}

export function hasRules(spec: Spec): boolean {
  return spec.kind === "sudoku" || spec.kind === "maze";
}

function ofSudoku(spec: Spec, question: string[], answer: string[]): Violation[] {
  const blank = blankOf(spec);
  const found: Violation[] = [];
  const changed = cellsWhere(answer, (symbol, cell) => question[cell] !== blank && question[cell] !== symbol);
  if (changed.length) found.push({ rule: "given", cells: changed, detail: `${count(changed.length, "given")} changed` });
  for (const [name, cells] of unitsOf(spec)) {
    const seen = new Map<string, number[]>();
    for (const cell of cells) seen.set(answer[cell]!, [...(seen.get(answer[cell]!) ?? []), cell]);
    for (const [digit, places] of seen) {
      if (digit === blank || places.length < 2) continue;
      found.push({ rule: name.split(" ")[0]!, cells: places, detail: `${digit} stands ${places.length} times in ${name}` });
    }
  }
  return found;
}

const units = new Map<string, [string, number[]][]>();

function unitsOf(spec: Spec): [string, number[]][] {
  const [height, width] = spec.box!;
  const size = spec.rows;
  const key = `${height}x${width}`;
  if (!units.has(key)) {
    const all = range(size);
    units.set(key, [
      ...all.map((row): [string, number[]] => [`row ${row + 1}`, all.map((i) => row * size + i)]),
      ...all.map((col): [string, number[]] => [`column ${col + 1}`, all.map((i) => i * size + col)]),
      ...all.map((box): [string, number[]] => [`box ${box + 1}`, all.map((i) => {
        const row = Math.floor(box / height) * height + Math.floor(i / width);
        return row * size + (box % height) * width + (i % width);
      })]),
    ]);
  }
  return units.get(key)!;
}

function ofMaze(spec: Spec, question: string[], answer: string[]): Violation[] {
  const changed = cellsWhere(answer, (symbol, cell) => symbol !== question[cell] && !(question[cell] === OPEN && symbol === PATH));
  const found: Violation[] = [];
  if (changed.length) found.push({ rule: "given", cells: changed, detail: `${count(changed.length, "cell")} of the maze changed` });
  const drawn = cellsWhere(answer, (symbol) => symbol === PATH);
  const shortest = distance(spec, question, (symbol) => symbol !== WALL);
  const walked = distance(spec, answer, (symbol) => symbol === PATH || symbol === START || symbol === GOAL);
  if (shortest !== null && (walked !== shortest || drawn.length !== shortest - 1)) {
    const detail = walked === null ? "the path does not reach the goal" : `${count(drawn.length, "path cell")}, the shortest path has ${shortest - 1}`;
    found.push({ rule: "path", cells: looseEnds(spec, answer), detail });
  }
  return found;
}

/** Path cells that do not have the path, start or goal on exactly two sides. */
function looseEnds(spec: Spec, answer: string[]): number[] {
  const onWay = (cell: number) => [PATH, START, GOAL].includes(answer[cell]!);
  return cellsWhere(answer, (symbol, cell) => symbol === PATH && neighbours(spec, cell).filter(onWay).length !== 2);
}

/** Steps from start to goal, null where no way leads. */
export function distance(spec: Spec, cells: string[], open: (symbol: string) => boolean): number | null {
  const reached = distances(spec, cells, open);
  const goal = cells.indexOf(GOAL);
  return goal < 0 ? null : (reached[goal] ?? null);
}

/** Steps from the start to every cell that can be reached. */
export function distances(spec: Spec, cells: string[], open: (symbol: string) => boolean): (number | undefined)[] {
  const reached = new Array<number | undefined>(cells.length).fill(undefined);
  const start = cells.indexOf(START);
  if (start < 0) return reached;
  reached[start] = 0;
  const queue = [start];
  for (const cell of queue) {
    for (const next of neighbours(spec, cell)) {
      if (reached[next] !== undefined || !open(cells[next]!)) continue;
      reached[next] = reached[cell]! + 1;
      queue.push(next);
    }
  }
  return reached;
}

function neighbours(spec: Spec, cell: number): number[] {
  const col = cell % spec.cols;
  const found = [cell - spec.cols, cell + spec.cols].filter((next) => next >= 0 && next < spec.rows * spec.cols);
  if (col > 0) found.push(cell - 1);
  if (col < spec.cols - 1) found.push(cell + 1);
  return found;
}

function cellsWhere(answer: string[], is: (symbol: string, cell: number) => boolean): number[] {
  return answer.flatMap((symbol, cell) => (is(symbol, cell) ? [cell] : []));
}

function range(size: number): number[] {
  return Array.from({ length: size }, (_, index) => index);
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
