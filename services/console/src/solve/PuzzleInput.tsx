// The puzzle before it is solved: typed, painted, pasted, dropped as a file, or taken from the examples.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { get } from "../api/client";
import type { Page, Spec } from "../api/types";
import { Board } from "../board/Board";
import { example, hasExample } from "../board/examples";
import { readPuzzles } from "../board/reading";
import { violations } from "../board/rules";
import { blankOf, called, empty, GOAL, OPEN, START, WALL } from "../board/spec";
import { boardOf, paint } from "../board/state";
import { plural } from "../ui/format";
import { Field } from "../ui/parts";

const MOST_BYTES = 2_000_000;
const MOST_TRACED = 100;

interface Props {
  spec: Spec;
  /** Puzzles of this shape are taken from this data set. */
  dataset: string | null;
  puzzles: Signal<string[][]>;
  solve: () => void;
}

export function PuzzleInput({ spec, dataset, puzzles, solve }: Props) {
  const board = useMemo(() => boardOf(spec), [spec]);
  const at = useSignal(0);
  const taken = useSignal(0);
  const trouble = useSignal("");
  const brush = useSignal(spec.kind === "maze" ? WALL : null);
  const cells = puzzles.value[Math.min(at.value, puzzles.value.length - 1)] ?? [];
  const broken = spec.kind === "sudoku" ? violations(spec, cells, cells) : [];
  useLayoutEffect(() => {
    paint(board, cells, cells, new Set(), new Set(broken.flatMap((found) => found.cells)));
  }, [board, cells]);
  useEffect(() => {
    brush.value = spec.kind === "maze" ? WALL : null;
    at.value = 0;
    trouble.value = "";
  }, [spec]);

  const put = (list: string[][]) => {
    puzzles.value = list;
    at.value = 0;
    trouble.value = "";
  };
  const take = async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const path = dataset && `v1/datasets/${encodeURIComponent(dataset)}/puzzles?split=test&limit=1&seed=${seed}`;
    const drawn = path ? await get<Page<{ question: string }>>(path).catch(() => null) : null;
    const question = drawn?.data[0]?.question;
    put([question?.length === spec.rows * spec.cols ? [...question] : example(spec, ++taken.value)]);
  };
  const write = (cell: number, symbol: string) => {
    const next = [...cells];
    if (symbol === START || symbol === GOAL) next.forEach((old, i) => spec.kind === "maze" && old === symbol && (next[i] = OPEN));
    next[cell] = symbol;
    puzzles.value = puzzles.value.map((puzzle, i) => (i === at.value ? next : puzzle));
  };
  const read = (text: string) => {
    try {
      const found = readPuzzles(text, spec);
      put(found.slice(0, MOST_TRACED));
      if (found.length > MOST_TRACED) trouble.value = `The first ${MOST_TRACED} of ${found.length} puzzles: no more can be watched at once.`;
    } catch (error) {
      trouble.value = (error as Error).message;
    }
  };
  const readFile = async (file: File | undefined) => {
    if (!file) return;
    if (file.size > MOST_BYTES) trouble.value = `${file.name} is too large to watch. Upload it as a data set, or solve it through the API.`;
    else read(await file.text());
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const text = event.dataTransfer?.getData("text/plain");
    if (text) read(text);
    else void readFile(event.dataTransfer?.files[0]);
  };
  const paste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.length < 2) return;
    event.preventDefault();
    read(text);
  };
  const filled = cells.filter((symbol) => symbol !== blankOf(spec)).length;
  return (
    <div class="input" onDragOver={(event) => event.preventDefault()} onDrop={drop} onPaste={paste}>
      <div class="board-side">
        <Board board={board} label="Puzzle" write={write} brush={brush.value} />
      </div>
      <div class="tools">
        {spec.kind === "maze" && <Brushes brush={brush} />}
        <div class="row">
          {(dataset || hasExample(spec)) && (
            <button onClick={() => void take()}>{spec.kind === "maze" ? "Another maze" : "Another example"}</button>
          )}
          <button onClick={() => put([empty(spec)])}>Clear</button>
          <label class="button">
            Open a file
            <input class="hidden" type="file" accept=".txt,.csv,.sdm,.sdk,.ss,text/*" onChange={(event) => void readFile(event.currentTarget.files?.[0])} />
          </label>
        </div>
        <Field label="Or paste it as text">
          <textarea rows={spec.kind === "maze" ? 4 : 3} spellcheck={false} placeholder={placeholder(spec)} onInput={(event) => event.currentTarget.value.trim() && read(event.currentTarget.value)} />
        </Field>
        {trouble.value && <p class="note warn" role="alert">{trouble.value}</p>}
        {broken.length > 0 && <p class="note warn" role="status">These givens clash: {broken[0]!.detail}.</p>}
        {puzzles.value.length > 1 && (
          <Field beside label="Puzzle">
            <select value={at.value} onChange={(event) => (at.value = Number(event.currentTarget.value))}>
              {puzzles.value.map((_, i) => (
                <option value={i}>{i + 1} of {puzzles.value.length}</option>
              ))}
            </select>
          </Field>
        )}
        <button class="primary big" onClick={solve}>
          {puzzles.value.length > 1 ? `Solve ${puzzles.value.length} puzzles` : "Solve"}
        </button>
        <p class="fine">{describe(spec, filled)}</p>
      </div>
    </div>
  );
}

function describe(spec: Spec, filled: number): string {
  if (spec.kind === "sudoku") return `${called(spec)} with ${plural(filled, "given")}. Arrow keys move, digits write, 0 clears.`;
  if (spec.kind === "maze") return `${called(spec)}. Drag to paint; or arrow keys, then # S G, or the space bar for the brush.`;
  return `${called(spec)}. Arrow keys move, symbols write.`;
}

function placeholder(spec: Spec): string {
  if (spec.kind === "maze") return "# walls, spaces, S start, G goal: row by row";
  return `${spec.rows * spec.cols} cells, row by row; ${blankOf(spec) ?? "symbols"} for blanks. A drawn board or a table will do.`;
}

function Brushes({ brush }: { brush: Signal<string | null> }) {
  const names: [string, string][] = [[WALL, "Wall"], [OPEN, "Open"], [START, "Start"], [GOAL, "Goal"]];
  return (
    <div class="brushes" role="radiogroup" aria-label="Brush">
      {names.map(([symbol, name]) => (
        <label class={`brush ${name.toLowerCase()}`}>
          <input type="radio" name="brush" checked={brush.value === symbol} onChange={() => (brush.value = symbol)} />
          <span class="swatch" />
          {name}
        </label>
      ))}
    </div>
  );
}
