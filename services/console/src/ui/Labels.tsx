// What the owner of a job or run has called it, as facts.
import type { ComponentChildren } from "preact";
import type { Labels } from "../api/types";
import { href } from "../router";
import { Tags } from "./parts";

export function labelFacts({ tags, metadata }: Labels, path: string): [string, ComponentChildren][] {
  const pairs = Object.entries(metadata).map(([key, value]): [string, ComponentChildren] => [key, <a href={href(path, { metadata: `${key}:${value}` })}>{value}</a>]);
  return tags.length ? [["Tags", <Tags of={tags} path={path} />], ...pairs] : pairs;
}
