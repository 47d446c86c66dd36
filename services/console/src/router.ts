// Where the user is: the part of the address behind `#`, as a path and a query.
import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
});

type Query = Record<string, string | number | null | undefined>;

export function href(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${path}${search && `?${search}`}`;
}

export function go(path: string, query: Query = {}): void {
  location.hash = href(path, query);
}

/** Change the query of this page without a new entry in the history. */
export function amend(query: Query): void {
  const { parts, query: old } = route.value;
  const merged = { ...Object.fromEntries(old), ...query };
  history.replaceState(null, "", href(parts.map(encodeURIComponent).join("/"), merged));
  hash.value = location.hash;
}
