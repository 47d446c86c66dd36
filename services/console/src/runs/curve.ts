// A run's curve: its shape at first, then every new row while the run goes on.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, revivals } from "../api/client";
import type { Metric, Run } from "../api/types";

export const MOST_POINTS = 1500;
const LIVE_MILLISECONDS = 2000;

export function useCurve(run: Run | null, live: boolean): Signal<Metric[]> {
  const rows = useSignal<Metric[]>([]);
  const id = run?.id ?? null;
  const revived = revivals.value;
  useEffect(() => {
    rows.value = [];
  }, [id]);
  useEffect(() => {
    if (!run) return;
    const stop = new AbortController();
    const more = () => readOn(run, rows, stop.signal).catch(() => undefined); // the banner tells of a lost gateway
    void more();
    const timer = live ? setInterval(() => document.hidden || void more(), LIVE_MILLISECONDS) : 0;
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [id, live, revived]);
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
