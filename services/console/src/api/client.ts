// Calls the API with the key of this tab, turns refusals into problems, and knows whether the gateway answers.
import { signal } from "@preact/signals";
import type { Page } from "./types";

const STORED = "trm-api-key";
const RETRY_MILLISECONDS = 1500;

export const key = signal(sessionStorage.getItem(STORED) ?? "");
/** The gateway asked for a key, or refused the one given. */
export const keyWanted = signal(false);
export const connection = signal<"up" | "lost" | "back">("up");
/** Counts how often the gateway came back, after which shown data is read again. */
export const revivals = signal(0);

export interface ProblemItem {
  detail: string;
  code: string | null;
  pointer: string | null;
  parameter: string | null;
  row: number | null;
}

/** A refusal, or the lack of any answer. */
export class Problem extends Error {
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly status = 0,
    readonly code = "",
    readonly requestId = "",
    readonly items: ProblemItem[] = [],
  ) {
    super(detail);
  }
}

export function setKey(given: string): void {
  key.value = given.trim();
  if (key.value) sessionStorage.setItem(STORED, key.value);
  else sessionStorage.removeItem(STORED);
  keyWanted.value = false;
  revivals.value += 1;
}

export function address(path: string): string {
  return new URL(path.replace(/^\//, ""), document.baseURI.split("#")[0]).href;
}

/** The raw response; raises a Problem when there is none, or a refusal. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (key.value) headers.set("Authorization", `Bearer ${key.value}`);
  let response: Response;
  try {
    response = await fetch(address(path), { ...options, headers, credentials: "omit" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    void awaitGateway();
    throw new Problem("The gateway does not answer", "It may be restarting. This page goes on by itself once it answers again.");
  }
  if (response.status === 401) keyWanted.value = true;
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => ({}));
  const title = body.title ?? `The gateway answered ${response.status}`;
  return new Problem(title, body.detail ?? title, response.status, body.code, body.request_id, body.errors ?? []);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { headers: { Accept: "application/json" }, ...(signal ? { signal } : {}) });
  return response.json();
}

/** A list from its first page to its last. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const rows: T[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Page<T> = await get<Page<T>>(`${path}?${new URLSearchParams({ limit: "100", ...(cursor && { cursor }) })}`, signal);
    rows.push(...page.data);
    cursor = page.next_cursor;
  }
  return rows;
}

export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = isForm || body === undefined ? {} : { "Content-Type": "application/json" };
  if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
  const sent = body === undefined ? undefined : isForm ? body : JSON.stringify(body);
  const response = await request(path, { method, headers, ...(sent === undefined ? {} : { body: sent }) });
  return response.status === 204 ? (undefined as T) : response.json();
}

let waiting: Promise<void> | null = null;

/** Ask until the gateway answers again, once for all who wait. */
export function awaitGateway(): Promise<void> {
  waiting ??= (async () => {
    connection.value = "lost";
    while (!(await isUp())) await pause(RETRY_MILLISECONDS);
    connection.value = "back";
    revivals.value += 1;
    waiting = null;
    setTimeout(() => connection.value === "back" && (connection.value = "up"), 5000);
  })();
  return waiting;
}

async function isUp(): Promise<boolean> {
  const answer = await fetch(address("livez"), { cache: "no-store", credentials: "omit" }).catch(() => null);
  return answer !== null && answer.ok;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
