// Which parts this gateway has, by its own list of links: a page shows only what can be asked for.
import { signal } from "@preact/signals";
import { get } from "./client";

export const links = signal<Record<string, string>>({});

void get<{ links: Record<string, string> }>("").then(
  (found) => (links.value = found.links),
  () => undefined,
);
