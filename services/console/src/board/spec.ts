// Shapes of puzzles: how they are called, and the sizes that a model without a fixed size takes.
import type { Spec } from "../api/types";

const DIGITS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
export const WALL = "#", OPEN = " ", START = "S", GOAL = "G", PATH = "o";
export const SUDOKU_BOXES: [number, number][] = [[2, 2], [2, 3], [2, 4], [3, 3], [2, 5], [3, 4], [4, 4], [4, 5], [5, 5]];

export function sudoku(box: [number, number]): Spec {
  const size = box[0] * box[1];
  return { kind: "sudoku", rows: size, cols: size, symbols: [".", ...DIGITS.slice(0, size)], box };
}

export function maze(rows: number, cols: number): Spec {
  return { kind: "maze", rows, cols, symbols: [WALL, OPEN, START, GOAL, PATH], box: null };
}

/** Cells of an untouched puzzle. */
export function empty(spec: Spec): string[] {
  const filler = spec.kind === "maze" ? OPEN : (spec.symbols[0] ?? " ");
  return new Array<string>(spec.rows * spec.cols).fill(filler);
}

export function blankOf(spec: Spec): string | null {
  return spec.kind === "sudoku" ? (spec.symbols[0] ?? null) : null;
}

const KINDS = { sudoku: "Sudoku", maze: "maze", arc: "ARC grid", grid: "grid" };

export function called(spec: Spec): string {
  return `${spec.rows} × ${spec.cols} ${KINDS[spec.kind]}`;
}

export function sameShape(a: Spec, b: Spec): boolean {
  return a.kind === b.kind && a.rows === b.rows && a.cols === b.cols && String(a.box) === String(b.box);
}

/** Row and column in words, counted from 1. */
export function place(spec: Spec, cell: number): string {
  return `row ${Math.floor(cell / spec.cols) + 1}, column ${(cell % spec.cols) + 1}`;
}
