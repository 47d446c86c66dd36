// Data that a component shows: read when it appears, read again when the address changes, the gateway is back, or time has passed.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { route } from "../router";
import { get, Problem, revivals } from "./client";
import type { Page } from "./types";

export interface Resource<T> {
  data: Signal<T | null>;
  problem: Signal<Problem | null>;
  reload: () => Promise<void>;
}

/** `every` milliseconds while the page is in sight; 0 reads once. A null path reads nothing. */
export function useResource<T>(path: string | null, every = 0, from: (path: string, signal?: AbortSignal) => Promise<T> = get): Resource<T> {
  const data = useSignal<T | null>(null);
  const problem = useSignal<Problem | null>(null);
  const read = async (signal?: AbortSignal) => {
    if (path === null) return;
    try {
      data.value = await from(path, signal);
      problem.value = null;
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof Problem && error.status === 0 && data.peek() !== null) return; // the banner says so
      problem.value = asProblem(error);
    }
  };
  useEffect(() => void (data.value = problem.value = null), [path]);
  useReading(read, every, [path]);
  return { data, problem, reload: () => read() };
}

/** Read now, when one of these changes and when the gateway is back; and every so many milliseconds while the page is in sight. */
export function useReading(read: (signal: AbortSignal) => Promise<unknown>, every: number, of: unknown[]): void {
  useEffect(() => {
    const stop = new AbortController();
    const more = () => void read(stop.signal).catch(() => undefined); // the banner tells of a lost gateway
    more();
    const timer = every ? setInterval(() => document.hidden || more(), every) : 0;
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [...of, every, revivals.value]);
}

/** A page of a list: the one whose cursor the address holds under this name, with those filters of the list that are in the address too. */
export function usePage<T>(path: string, every = 0, filters: string[] = [], cursor = "cursor"): Resource<Page<T>> {
  const { query } = route.value;
  const asked = new URLSearchParams([...query].filter(([name]) => filters.includes(name)));
  if (query.has(cursor)) asked.set("cursor", query.get(cursor)!);
  return useResource<Page<T>>(asked.size ? `${path}${path.includes("?") ? "&" : "?"}${asked}` : path, every);
}

/** What a button does: its refusal is kept to be shown, and what changed is read again. */
export function useAction(after: () => unknown): { problem: Signal<Problem | null>; act: (action: () => Promise<unknown>) => Promise<void> } {
  const problem = useSignal<Problem | null>(null);
  const act = async (action: () => Promise<unknown>) => {
    try {
      await action();
      problem.value = null;
      await after();
    } catch (error) {
      problem.value = asProblem(error);
    }
  };
  return { problem, act };
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem("The console failed", error instanceof Error ? error.message : String(error));
}
