// A board of any kind, to look at or to edit: with the pointer, or with arrow keys and symbols.
import { useSignal, type Signal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { blankOf, called, place } from "./spec";
import type { BoardState, Look } from "./state";

const NAMES: Record<string, string> = { "#": "wall", " ": "open", S: "start", G: "goal", o: "path" };
const MOVES: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

interface Props {
  board: BoardState;
  label: string;
  /** Put a symbol into a cell; without it the board is only shown. */
  write?: (cell: number, symbol: string) => void;
  /** What the pointer paints; null only selects. */
  brush?: string | null;
}

export function Board({ board, label, write, brush = null }: Props) {
  const { spec } = board;
  const active = useSignal(0);
  const painting = useRef(false);
  const root = useRef<HTMLDivElement>(null);

  const select = (cell: number) => {
    active.value = cell;
    root.current?.querySelector<HTMLElement>(`[data-cell="${cell}"]`)?.focus();
  };
  const cellAt = (event: Event) => {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-cell]")?.dataset["cell"];
    return at === undefined ? null : Number(at);
  };
  const begin = (event: PointerEvent) => {
    const cell = cellAt(event);
    if (!write || cell === null) return;
    (event.target as Element).releasePointerCapture?.(event.pointerId);
    select(cell);
    if (brush === null) return;
    painting.current = true;
    write(cell, brush);
    addEventListener("pointerup", () => (painting.current = false), { once: true });
  };
  const goOn = (event: PointerEvent) => {
    const cell = painting.current ? cellAt(event) : null;
    if (cell !== null && brush !== null) write?.(cell, brush);
  };
  const press = (event: KeyboardEvent) => {
    if (!write || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    const symbol = move ? null : typed(event.key, spec.symbols, blankOf(spec) ?? (spec.kind === "maze" ? " " : null), brush);
    if (move) {
      const row = (Math.floor(active.value / spec.cols) + move[0] + spec.rows) % spec.rows;
      select(row * spec.cols + ((active.value % spec.cols) + move[1] + spec.cols) % spec.cols);
    } else if (symbol !== null) {
      write(active.value, symbol);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  // kept, so that a stroke of the brush compares no cell but those that it changes
  const rows = useMemo(() => Array.from({ length: spec.rows }, (_, row) => (
    <div role="row" key={row}>
      {board.cells.slice(row * spec.cols, (row + 1) * spec.cols).map((look, col) => (
        <Cell key={col} look={look} cell={row * spec.cols + col} board={board} active={active} />
      ))}
    </div>
  )), [board]);
  return (
    <div
      ref={root}
      class={`board ${spec.kind}${write ? " editable" : ""}`}
      role="grid"
      aria-label={`${label}: ${called(spec)}`}
      aria-readonly={!write}
      style={{ "--rows": spec.rows, "--cols": spec.cols, aspectRatio: `${spec.cols} / ${spec.rows}` }}
      onPointerDown={begin}
      onPointerOver={goOn}
      onKeyDown={press}
    >
      {rows}
    </div>
  );
}

function typed(key: string, symbols: string[], blank: string | null, brush: string | null): string | null {
  if (key === "Backspace" || key === "Delete" || key === "0") return blank;
  if ((key === " " || key === "Enter") && brush !== null) return brush;
  if (key === " ") return blank;
  return symbols.find((symbol) => symbol === key || symbol === key.toUpperCase()) ?? null;
}

interface CellProps {
  look: Signal<Look>;
  cell: number;
  board: BoardState;
  active: Signal<number>;
}

function Cell({ look, cell, board: { spec }, active }: CellProps) {
  const { symbol, given, changed, broken } = look.value;
  const isBlank = symbol === blankOf(spec);
  const row = Math.floor(cell / spec.cols);
  const col = cell % spec.cols;
  const classes = ["cell", ...looks(spec.kind, symbol)];
  if (given) classes.push("given");
  if (changed) classes.push("changed");
  if (broken) classes.push("broken");
  if (spec.box && (col + 1) % spec.box[1] === 0 && col + 1 < spec.cols) classes.push("box-right");
  if (spec.box && (row + 1) % spec.box[0] === 0 && row + 1 < spec.rows) classes.push("box-below");
  const name = spec.kind === "maze" ? (NAMES[symbol] ?? symbol) : isBlank ? "blank" : symbol;
  const state = [given && spec.kind === "sudoku" ? "given" : "", changed ? "changed" : "", broken ? "breaks a rule" : ""].filter(Boolean);
  return (
    <div
      class={classes.join(" ")}
      role="gridcell"
      tabIndex={active.value === cell ? 0 : -1}
      data-cell={cell}
      aria-label={[place(spec, cell), name, ...state].join(", ")}
    >
      {spec.kind === "maze" ? (symbol === "S" || symbol === "G" ? symbol : "") : spec.kind === "arc" || isBlank ? "" : symbol}
    </div>
  );
}

function looks(kind: string, symbol: string): string[] {
  if (kind === "maze") return [NAMES[symbol] ?? "open"];
  return kind === "arc" && /^\d$/.test(symbol) ? [`colour-${symbol}`] : [];
}
