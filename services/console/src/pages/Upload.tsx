// Upload one's own puzzles: the first of them drawn before anything is sent, and what is wrong shown row by row.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { ProblemItem } from "../api/client";
import { forget, useUpload } from "../api/files";
import type { Dataset, Spec } from "../api/types";
import { Board } from "../board/Board";
import { maze, sudoku, SUDOKU_BOXES } from "../board/spec";
import { boardOf, paint } from "../board/state";
import { href } from "../router";
import { bytes, plural, whole } from "../ui/format";
import { Card, Field, Table } from "../ui/parts";
import { bound } from "../ui/bound";
import { ProblemNote } from "../ui/ProblemNote";

const PREVIEWED_BYTES = 200_000;
const NAME = /^[a-z0-9][a-z0-9._\-]{0,63}$/; // as the attribute `pattern` takes it

export function Upload({ after }: { after: () => void }) {
  const name = useSignal("");
  const kind = useSignal("sudoku");
  const test = useSignal<File | null>(null);
  const lines = useSignal<string[]>([]);
  const { file, made, problem, busy, upload } = useUpload<Dataset>("v1/datasets", after);
  const choose = async (chosen: File | undefined) => {
    if (!chosen) return;
    file.value = chosen;
    problem.value = made.value = null;
    lines.value = chosen.name.endsWith(".gz") ? [] : (await chosen.slice(0, PREVIEWED_BYTES).text()).split(/\r?\n/);
    if (!name.value) name.value = chosen.name.toLowerCase().replace(/\.(csv|json|jsonl|txt)(\.gz)?$/, "").replace(/[^a-z0-9._-]+/g, "-").slice(0, 64);
  };
  const rows = (problem.value?.items ?? []).filter((item) => item.row !== null);
  return (
    <Card wide title="Upload puzzles">
      <form class="upload" onSubmit={(event) => (event.preventDefault(), void upload({ name: name.value, kind: kind.value, test_file: test.value }))}>
        <fieldset>
          <label class="field tall" onDragOver={(event) => event.preventDefault()} onDrop={(event) => (event.preventDefault(), void choose(event.dataTransfer?.files[0]))}>
            <span>File: CSV with columns question and answer, or JSON; gzip allowed</span>
            <input type="file" required accept=".csv,.json,.jsonl,.txt,.gz,.sdm" onClick={forget} onChange={(event) => void choose(event.currentTarget.files?.[0])} />
          </label>
          <Field label="Held-out puzzles, in a file of their own (else a share is held out)">
            <input type="file" accept=".csv,.json,.jsonl,.txt,.gz,.sdm" onClick={forget} onChange={(event) => (test.value = event.currentTarget.files?.[0] ?? null)} />
          </Field>
          <Field label="Name: small letters, digits, dots, dashes">
            <input required pattern={NAME.source} {...bound(name)} />
          </Field>
          <Field label="Kind">
            <select {...bound(kind)}>
              <option value="sudoku">Sudoku, checked by its rules</option>
              <option value="maze">Maze, checked by its rules</option>
              <option value="grid">Any grid, not checked</option>
            </select>
          </Field>
          <button class="primary" disabled={busy.value || !file.value}>{busy.value ? "Checking every row …" : "Upload"}</button>
        </fieldset>
        {file.value && <Preview file={file.value} lines={lines.value} kind={kind.value} />}
      </form>
      {rows.length ? <RowErrors items={rows} lines={lines.value} detail={problem.value!.detail} /> : <ProblemNote problem={problem.value} />}
      {made.value && (
        <div class="note good" role="status">
          <b><a href={href(`datasets/${made.value.name}`)}>{made.value.name}</a> is stored</b>: {plural(made.value.splits["train"] ?? 0, "training puzzle")}, {whole(made.value.splits["test"])} held out.
        </div>
      )}
    </Card>
  );
}

function RowErrors({ items, lines, detail }: { items: ProblemItem[]; lines: string[]; detail: string }) {
  return (
    <div class="note problem" role="alert">
      <strong>Nothing was stored: {plural(items.length, "row")} {items.length === 1 ? "is" : "are"} wrong</strong>
      <p>{detail}</p>
      <Table label="Wrong rows" head={["Row", "What is wrong", "As it stands in the file"]} rows={items} empty="" row={(item) => [
        <b>{item.row}</b>,
        item.detail,
        <div class="mono cut">{lines[item.row ?? 0] ?? ""}</div>,
      ]} />
    </div>
  );
}

function Preview({ file, lines, kind }: { file: File; lines: string[]; kind: string }) {
  const question = first(lines);
  const spec = useMemo(() => shapeOf(question, kind), [question, kind]);
  const board = useMemo(() => spec && boardOf(spec), [spec]);
  useEffect(() => {
    if (board && spec) paint(board, [...question].map((mark) => (spec.symbols.includes(mark) ? mark : (spec.symbols[0] ?? ""))));
  }, [board, question]);
  return (
    <div class="preview">
      <p class="fine">{file.name}, {bytes(file.size)}{board ? ". Its first puzzle:" : ". Its first puzzle cannot be drawn here; the upload tells whether it can be read."}</p>
      {board && <Board board={board} label="First puzzle" />}
    </div>
  );
}

/** The question of the first row, as far as it can be told from the file's head. */
function first(lines: string[]): string {
  const names = (lines[0] ?? "").toLowerCase().split(",").map((name) => name.trim());
  const column = names.findIndex((name) => ["question", "puzzle", "quizzes"].includes(name));
  return (lines[1] ?? "").split(",")[Math.max(column, 0)]?.replace(/^"|"$/g, "") ?? "";
}

function shapeOf(question: string, kind: string): Spec | null {
  const side = Math.sqrt(question.length);
  if (!question || !Number.isInteger(side)) return null;
  if (kind === "maze") return maze(side, side);
  const box = SUDOKU_BOXES.find(([height, width]) => height * width === side);
  return kind === "sudoku" && box ? sudoku(box) : null;
}
