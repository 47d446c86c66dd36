// Where the user is: the part of the address behind `#`, as a path and a query.
import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
});

type Value = string | number | null | undefined;
/** A list is a parameter that is given again for each. */
export type Query = Record<string, Value | string[]>;

export function href(path: string, query: Query = {}): string {
  const all = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one ?? "")]));
  const search = new URLSearchParams(all.filter(([, value]) => value)).toString();
  return `#/${path}${search && `?${search}`}`;
}

export function go(path: string, query: Query = {}): void {
  location.hash = href(path, query);
}

/** The address of this page with another query in part. */
export function amended(query: Query): string {
  const { parts, query: old } = route.value;
  const known = Object.fromEntries([...old.keys()].map((name) => [name, old.getAll(name)]));
  return href(parts.map(encodeURIComponent).join("/"), { ...known, ...query });
}

/** Change the query of this page without a new entry in the history. */
export function amend(query: Query): void {
  history.replaceState(null, "", amended(query));
  hash.value = location.hash;
}
