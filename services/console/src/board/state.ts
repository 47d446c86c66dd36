// What a board shows: one signal a cell, so that a step repaints the cells that it changes and no others.
import { signal, type Signal } from "@preact/signals";
import type { Spec } from "../api/types";
import { blankOf } from "./spec";

export interface Look {
  symbol: string;
  given: boolean;
  changed: boolean;
  broken: boolean;
}

export interface BoardState {
  spec: Spec;
  cells: Signal<Look>[];
}

export function boardOf(spec: Spec): BoardState {
  const look = { symbol: "", given: false, changed: false, broken: false };
  return { spec, cells: Array.from({ length: spec.rows * spec.cols }, () => signal(look)) };
}

/** Show an answer to a question; with no answer, the question itself. */
export function paint(board: BoardState, question: string[], answer = question, changed = new Set<number>(), broken = new Set<number>()): void {
  const blank = blankOf(board.spec);
  const isFree = (symbol: string) => (board.spec.kind === "sudoku" ? symbol === blank : symbol === " ");
  board.cells.forEach((cell, i) => {
    const look = {
      symbol: answer[i] ?? "",
      given: !isFree(question[i] ?? ""),
      changed: changed.has(i),
      broken: broken.has(i),
    };
    const shown = cell.peek();
    if ((Object.keys(look) as (keyof Look)[]).some((name) => look[name] !== shown[name])) cell.value = look;
  });
}
