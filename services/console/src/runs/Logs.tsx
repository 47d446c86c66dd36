// The lines that a training has written, followed while it goes on.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get } from "../api/client";
import { useReading } from "../api/resource";

interface Line {
  id: number;
  attempt: number;
  created_at: string;
  text: string;
}

const REFRESH_MILLISECONDS = 3000;
const SHOWN_LINES = 1000;

export function Logs({ job, live }: { job: string; live: boolean }) {
  const lines = useSignal<Line[]>([]);
  const end = useRef<HTMLPreElement>(null);
  const read = async (signal: AbortSignal) => {
    const after = lines.peek().at(-1)?.id ?? 0;
    const page = await get<{ data: Line[] }>(`v1/jobs/${job}/logs?after=${after}&limit=${SHOWN_LINES}`, signal);
    if (page.data.length) lines.value = [...lines.peek().filter((line) => line.id <= after), ...page.data].slice(-SHOWN_LINES);
  };
  useReading(read, live ? REFRESH_MILLISECONDS : 0, [job]);
  useEffect(() => end.current?.scrollTo(0, end.current.scrollHeight), [lines.value]);
  if (!lines.value.length) return <p class="empty">{live ? "Nothing was written yet." : "The trainer had nothing to say: it writes warnings and errors."}</p>;
  return <pre class="log" ref={end} tabIndex={0} aria-label="Log">{lines.value.map((line) => `${line.created_at.slice(11, 19)}  ${line.text}`).join("\n")}</pre>;
}
