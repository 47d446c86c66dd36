// How hard to think: what the form holds, the fields of the request that it means, and what they cost at most.
import { signal } from "@preact/signals";
import type { Solver } from "./models";

export type Halting = "budget" | "threshold" | "stable" | "verified";

export interface Effort {
  maxSteps: number | null;
  halting: Halting;
  threshold: number;
  stableSteps: number;
  restartSteps: number | null;
  guessEvery: number | null;
  views: number;
  rollouts: number;
  noise: number;
  choose: string;
  seed: number;
}

/** Fields of a request that say when chains stop: a solve is continued under others. */
export type StoppingRules = { max_steps?: number; halt_threshold?: number; stable_steps?: number; until_verified?: boolean; choose?: string };
const STOPPING = ["max_steps", "halt_threshold", "stable_steps", "until_verified", "choose"];

/** The same chains under other rules. */
export function under(chains: Record<string, number | boolean | string>, rules: StoppingRules): Record<string, number | boolean | string> {
  return { ...Object.fromEntries(Object.entries(chains).filter(([name]) => !STOPPING.includes(name))), ...rules };
}

export const PLAIN: Effort = {
  maxSteps: null,
  halting: "budget",
  threshold: 0.5,
  stableSteps: 3,
  restartSteps: null,
  guessEvery: null,
  views: 1,
  rollouts: 1,
  noise: 0,
  choose: "halt_probability",
  seed: 0,
};

export const effort = signal<Effort>(PLAIN);

/** Until the rules agree: as it was measured of the model, or for eight times as many steps. */
export function harder({ steps, searching }: Solver): Effort {
  const { max_steps = 8 * steps, restart_steps = null, guess_every = null } = searching;
  return { ...PLAIN, halting: "verified", maxSteps: max_steps, restartSteps: restart_steps, guessEvery: guess_every };
}

/** Fields of a solve job, those that have their default left out. */
export function fields(chosen: Effort): Record<string, number | boolean | string> {
  const body: Record<string, number | boolean | string> = {};
  if (chosen.maxSteps !== null) body["max_steps"] = chosen.maxSteps;
  if (chosen.halting === "threshold") body["halt_threshold"] = chosen.threshold;
  if (chosen.halting === "stable") body["stable_steps"] = chosen.stableSteps;
  if (chosen.halting === "verified") {
    body["until_verified"] = true;
    if (chosen.restartSteps !== null) body["restart_steps"] = chosen.restartSteps;
    if (chosen.restartSteps !== null && chosen.guessEvery !== null) body["guess_every"] = chosen.guessEvery;
  }
  if (chosen.views > 1) body["views"] = chosen.views;
  if (chosen.rollouts > 1) body["rollouts"] = chosen.rollouts;
  if (chosen.noise > 0) body["noise"] = chosen.noise;
  if (chosen.choose !== "halt_probability") body["choose"] = chosen.choose;
  if (chosen.seed) body["seed"] = chosen.seed;
  return body;
}

/** What differs from the defaults, in a line. */
export function described(given: object): string {
  const named = Object.entries(given).map(([name, value]) => `${name}=${value}`);
  return named.join(", ") || "all steps";
}

export function stepsOf(chosen: Effort, solver: Solver): number {
  return chosen.maxSteps ?? solver.steps;
}

export function chainsOf(chosen: Effort): number {
  return chosen.views * chosen.rollouts;
}
