// A run's curve: its shape at first, then every new row while the run goes on.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../api/client";
import { useReading } from "../api/resource";
import type { Metric, Run } from "../api/types";

export const MOST_POINTS = 1500;
const LIVE_MILLISECONDS = 2000;

export function useCurve(run: Run | null, live: boolean): Signal<Metric[]> {
  const rows = useSignal<Metric[]>([]);
  const id = run?.id ?? null;
  useEffect(() => {
    rows.value = [];
  }, [id]);
  useReading(async (signal) => run && readOn(run, rows, signal), live ? LIVE_MILLISECONDS : 0, [id]);
  return rows;
}

/** The shape of all that is new: the server thins out what is longer, and keeps its spikes. */
async function readOn(run: Run, rows: Signal<Metric[]>, signal: AbortSignal): Promise<void> {
  const after = rows.peek().at(-1)?.step ?? 0;
  const page = await get<{ data: Metric[] }>(`v1/runs/${run.id}/metrics?after_step=${after}&max_points=${MOST_POINTS}`, signal);
  const known = rows.peek().at(-1)?.step ?? 0;
  const fresh = page.data.filter((row) => row.step > known);
  if (fresh.length && !signal.aborted) rows.value = [...rows.peek(), ...fresh];
}
