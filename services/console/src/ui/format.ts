// Numbers, times and sizes as people read them; their spaces do not break.
export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
}

export function whole(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 12 });
}

export function brief(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(1);
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return `${(value / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h ${Math.round((seconds % 3600) / 60)} min` : `${Math.round(hours / 24)} days`;
}

export function ago(time: string | null | undefined): string {
  if (!time) return "–";
  const seconds = Math.floor((Date.now() - Date.parse(time)) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${duration(seconds)} ago`;
}

export function moment(time: string | null | undefined): string {
  return time ? new Date(time).toISOString().slice(0, 19).replace("T", " ") : "–";
}

export function between(from: string | null, to: string | null): string {
  if (!from) return "–";
  return duration(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000);
}

export function plural(n: number, noun: string): string {
  return `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** `max_steps` as words. */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function shortId(id: string): string {
  const [kind, rest = ""] = id.split("_");
  return rest.length > 12 ? `${kind}_…${rest.slice(-8)}` : id;
}
