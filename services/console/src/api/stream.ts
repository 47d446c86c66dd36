// Follows a job's events: server-sent events by fetch, so that the key travels in a header; goes on after the last one known.
import { awaitGateway, pause, Problem, request } from "./client";
import type { JobEvent } from "./types";

const RECONNECT_MILLISECONDS = 500;
const FINAL = "done";

/** Every event of the job in order, until the last; outlives restarts of the gateway. */
export async function follow(jobId: string, tell: (event: JobEvent) => void, signal: AbortSignal): Promise<void> {
  let last = 0;
  let ended = false;
  const note = (event: JobEvent) => {
    if (event.id) last = event.id;
    ended ||= event.type === FINAL;
    tell(event);
  };
  while (!ended && !signal.aborted) {
    try {
      if (!(await readOnce(jobId, last, note, signal))) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status) throw error;
      await awaitGateway();
    }
    if (!ended) await pause(RECONNECT_MILLISECONDS);
  }
}

/** False once there is nothing to reconnect for. */
async function readOnce(jobId: string, last: number, note: (event: JobEvent) => void, signal: AbortSignal): Promise<boolean> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (last) headers["Last-Event-ID"] = String(last);
  const response = await request(`v1/jobs/${jobId}/events`, { headers, signal });
  if (response.status === 204 || !response.body) return false;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return true;
    const blocks = (text + value).split(/\r?\n\r?\n/);
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block);
      if (event) note(event);
    }
  }
}

function parse(block: string): JobEvent | null {
  const fields: Record<string, string> = {};
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name) fields[name] = (fields[name] ?? "") + (value ?? "");
  }
  if (!fields["data"] || !fields["event"]) return null;
  return { id: Number(fields["id"] ?? 0), type: fields["event"], data: JSON.parse(fields["data"]) } as JobEvent;
}
