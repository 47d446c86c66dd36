// A run's curve: read in pages, thinned out where it is long, and followed while the run goes on.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, revivals } from "../api/client";
import type { Metric, Run, RunSummary } from "../api/types";

const PAGE = 2000;
const MOST_ROWS = 4000;
const LIVE_MILLISECONDS = 2000;

/** How many training steps a row may stand for, so that a long run stays readable. */
export function thinning(run: RunSummary & Partial<Pick<Run, "config">>): number {
  const each = Number(run.config?.train["log_every"] ?? 1);
  return Math.max(1, Math.ceil((run.total_steps / each / MOST_ROWS)) * (run.total_steps / each > MOST_ROWS ? each : 1));
}

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

async function readOn(run: Run, rows: Signal<Metric[]>, signal: AbortSignal): Promise<void> {
  let after: number | null = rows.peek().at(-1)?.step ?? 0;
  while (after !== null) {
    const path = `v1/runs/${run.id}/metrics?after_step=${after}&limit=${PAGE}&every=${thinning(run)}`;
    const page: { data: Metric[]; next_after_step: number | null } = await get(path, signal);
    const known = rows.peek().at(-1)?.step ?? 0;
    const fresh = page.data.filter((row) => row.step > known);
    if (fresh.length && !signal.aborted) rows.value = [...rows.peek(), ...fresh];
    after = page.next_after_step;
  }
}
