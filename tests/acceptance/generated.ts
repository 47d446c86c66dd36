// Uses the types that openapi-typescript made from the OpenAPI file: checked by the compiler, then run against a live stack.
import createClient from "openapi-fetch";

import type { components, paths } from "./api.ts";

declare const process: { argv: string[] };

type Job = components["schemas"]["Job"];
type JobEvent = components["schemas"]["JobEvent"];

const client = createClient<paths>({ baseUrl: process.argv[2] });

function check(condition: unknown, about: unknown): asserts condition {
  if (!condition) throw new Error(JSON.stringify(about));
}

async function finished(job: Job | undefined): Promise<Job> {
  const deadline = Date.now() + 90_000;
  while (job && job.status !== "succeeded") {
    check(Date.now() < deadline && job.status !== "failed" && job.status !== "cancelled", job);
    await new Promise((resolve) => setTimeout(resolve, 200));
    job = (await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: job.id } } })).data;
  }
  check(job, "no job");
  return job;
}

// What a result holds is known once its kind is: the compiler refuses `n` of a training and `step` of a solve job.
function summary(job: Job): string {
  const result = job.result;
  check(result, job);
  switch (result.kind) {
    case "train":
      return `trained ${result.step} steps`;
    case "solve":
      return `solved ${result.n}`;
    case "evaluate":
      return `evaluated ${result.report.n}`;
  }
}

const overrides = {
  "model.hidden_size": 16,
  "model.layers": 1,
  "model.max_supervision_steps": 2,
  "train.steps": 5,
  "train.batch_size": 8,
  "train.test_puzzles": 20,
  "train.evaluate_puzzles": 20,
  "train.depth_curriculum": [{ until: 0.5, recursions: 1, latent_steps: 1 }],
};
const training = await client.POST("/v1/training-jobs", { body: { preset: "sudoku-4x4", overrides } });
check(training.data && "id" in training.data, training); // with `dry_run` it is an estimate
const trained = await finished(training.data);
check(summary(trained) === "trained 5 steps", trained);
check(trained.run_id, trained);

const solving = await client.POST("/v1/solve-jobs", { body: { model: trained.run_id, puzzle: ".2.43......31...", trace: true } });
const solved = await finished(solving.data);
check(summary(solved) === "solved 1", solved);
check(solved.result?.kind === "solve" && solved.result.solutions?.length === 1, solved);

const stream = await client.GET("/v1/jobs/{job_id}/events", {
  params: { path: { job_id: solved.id } },
  headers: { Accept: "text/event-stream" },
  parseAs: "text",
});
check(stream.data?.includes('event: done\ndata: {"status": "succeeded"}\n'), stream);

// What an event's data holds is known once its type is.
function told(event: JobEvent): string {
  switch (event.type) {
    case "step":
      return `step ${event.data.step} of puzzle ${event.data.puzzle}`;
    case "solved":
      return `answered ${event.data.answered}`;
    case "done":
      return event.data.status;
    default:
      return event.type;
  }
}

const events = await client.GET("/v1/jobs/{job_id}/events", {
  params: { path: { job_id: solved.id } },
  headers: { Accept: "application/json" },
});
check(typeof events.data === "object", events); // a string is the stream
const words = events.data.data.map(told);
check(words[0] === "step 1 of puzzle 0" && words.at(-1) === "succeeded" && words.includes("answered 1"), words);

const listed = await client.GET("/v1/jobs", { params: { query: { limit: 2 } } });
const kinds = new Set(listed.data?.data.map((job) => job.result?.kind));
check(kinds.has("train") && kinds.has("solve"), listed);

const { error } = await client.POST("/v1/solve-jobs", { body: { model: "nothing", puzzle: "1" } });
check(error?.code === "model_unknown", error);
console.log("used");
