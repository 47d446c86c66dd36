// The same solve as a command or a program.
import { address } from "../api/client";
import type { Request } from "./session";

export const LANGUAGES = { curl: "curl", python: "Python", cli: "Command line" } as const;
export type Language = keyof typeof LANGUAGES;

export function snippet(language: Language, request: Request, hasKey: boolean): string {
  if (language === "curl") return curl(request, hasKey);
  return language === "python" ? python(request) : cli(request);
}

function curl({ model, puzzles, effort }: Request, hasKey: boolean): string {
  const asked = puzzles.length === 1 ? { puzzle: puzzles[0] } : { puzzles };
  const body = JSON.stringify({ model, ...asked, ...effort }).replaceAll("'", "'\\''");
  const key = hasKey ? ` -H "Authorization: Bearer $TRM_KEY"` : "";
  return `curl -s ${address("v1/solve-jobs")} -H 'Prefer: wait=30'${key} \\\n  --json '${body}'`;
}

function python({ model, shipped, puzzles, effort }: Request): string {
  const options = Object.entries(effort).map(([name, value]) => `${name}=${pythonValue(value)}`);
  const load = shipped ? `trm.load("${model}")` : `trm.load("FOLDER")  # of the checkpoint ${model}`;
  const solve = `for solution in solver.solve_all(puzzles, trm.Effort(${options.join(", ")})):`;
  return `import trm\n\nsolver = ${load}\npuzzles = ${JSON.stringify(puzzles)}\n${solve}\n    print(solution)`;
}

function pythonValue(value: number | boolean | string): string {
  return value === true ? "True" : value === false ? "False" : JSON.stringify(value);
}

function cli({ model, shipped, puzzles, effort }: Request): string {
  const options = Object.entries(effort).map(([name, value]) => ` --effort ${name}=${value}`);
  const source = shipped ? `--model ${model}` : "--checkpoint FOLDER";
  return puzzles.map((puzzle) => `trm solve ${source}${options.join("")} --steps '${puzzle}'`).join("\n");
}
