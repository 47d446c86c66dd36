// Reads pasted text and dropped files as puzzles of one shape, and says in words what does not fit.
import type { Spec } from "../api/types";
import { blankOf, called, GOAL, OPEN, START, WALL } from "./spec";

const BLANKS = new Set([".", "0", "_", "*", "-", "?", "x", "X"]);
const MAZE_MARKS: Record<string, string> = {
  "#": WALL, "█": WALL, "1": WALL, " ": OPEN, ".": OPEN, "_": OPEN, "0": OPEN, S: START, s: START, G: GOAL, g: GOAL, E: GOAL, e: GOAL,
};

/** Every puzzle in the text; raises an Error that says what is wrong. */
export function readPuzzles(text: string, spec: Spec): string[][] {
  const source = (column(text) ?? text).replace(/\r\n?/g, "\n").replace(/\n+$/, "");
  const symbols = [...(spec.kind === "maze" ? joined(source, spec) : source)].map((mark) => symbolOf(mark, spec));
  const cells = symbols.filter((symbol) => symbol !== null);
  const size = spec.rows * spec.cols;
  if (!cells.length || cells.length % size) {
    throw new Error(`This text has ${cells.length} cells. A ${called(spec)} has ${size}.`);
  }
  return Array.from({ length: cells.length / size }, (_, i) => cells.slice(i * size, (i + 1) * size));
}

/** Rows of a drawn maze may end early: what is missing is open. */
function joined(text: string, spec: Spec): string {
  const lines = text.split("\n");
  if (lines.some((line) => line.length > spec.cols)) return lines.join("");
  return lines.map((line) => line.padEnd(spec.cols)).join("");
}

function symbolOf(mark: string, spec: Spec): string | null {
  if (spec.kind === "maze") return MAZE_MARKS[mark] ?? refuse(mark, spec);
  const symbol = [mark, mark.toUpperCase(), mark.toLowerCase()].find((form) => spec.symbols.includes(form));
  if (symbol !== undefined) return symbol;
  if (spec.kind === "sudoku" && BLANKS.has(mark)) return blankOf(spec);
  return /[\s|+,;:'"[\](){}]/.test(mark) ? null : refuse(mark, spec);
}

function refuse(mark: string, spec: Spec): never {
  throw new Error(`The character "${mark}" belongs to no ${called(spec)}. Its symbols are: ${spec.symbols.join(" ").trim()}`);
}

/** The questions of a table with a column for them. */
function column(text: string): string | null {
  const [head = "", ...rows] = text.split(/\r?\n/).filter(Boolean);
  const index = head.toLowerCase().split(",").findIndex((name) => ["question", "puzzle", "quizzes"].includes(name.trim()));
  if (index < 0) return null;
  return rows.map((row) => cellsOf(row)[index] ?? "").join("\n");
}

function cellsOf(row: string): string[] {
  return [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) => (match[1] ?? match[2] ?? "").replaceAll('""', '"'));
}
