// How a run's configuration differs from its preset's, or from another run's.
import type { RunConfig, Section } from "../api/types";

export interface Difference {
  name: string;
  from: unknown;
  to: unknown;
}

type Sections = { model: Section; train: Section };

export function flat(config: Sections): Map<string, unknown> {
  const entries = (["model", "train"] as const).flatMap((section) =>
    Object.entries(config[section]).map(([name, value]): [string, unknown] => [`${section}.${name}`, value]),
  );
  return new Map(entries);
}

export function differences(from: Sections, to: Pick<RunConfig, "model" | "train">): Difference[] {
  const before = flat(from);
  return [...flat(to)]
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before.get(name)))
    .map(([name, value]) => ({ name, from: before.get(name), to: value }));
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
