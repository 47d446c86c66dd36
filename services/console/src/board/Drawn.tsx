// A puzzle that is only looked at.
import { useLayoutEffect, useMemo } from "preact/hooks";
import type { Spec } from "../api/types";
import { Board } from "./Board";
import { boardOf, paint } from "./state";

export function Drawn({ spec, question, label }: { spec: Spec; question: string; label: string }) {
  const board = useMemo(() => boardOf(spec), [spec]);
  useLayoutEffect(() => paint(board, [...question]), [board, question]);
  return <Board board={board} label={label} />;
}
