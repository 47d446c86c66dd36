// Tasks of ARC: the example pairs that show a rule, and the question that asks for it.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { usePage } from "../api/resource";
import type { ArcPair, ArcTask, Spec } from "../api/types";
import { Drawn } from "../board/Drawn";
import { route } from "../router";
import { Field, Loading, Pager } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";

const READ = 100;

export function ArcTasks({ dataset, children }: { dataset: string; children?: preact.ComponentChildren }) {
  const { data, problem } = usePage<ArcTask>(`v1/datasets/${encodeURIComponent(dataset)}/tasks?limit=${READ}`, 0, [], "tasks");
  const at = useSignal(0);
  useEffect(() => void (at.value = 0), [route.value.query.get("tasks")]);
  const tasks = data.value?.data ?? [];
  const task = tasks[at.value];
  if (!task) return data.value || problem.value ? <ProblemNote problem={problem.value} /> : <Loading what="the tasks" />;
  return (
    <div class="stack">
      <Field beside label="Evaluation task">
        <select value={at.value} onChange={(event) => (at.value = Number(event.currentTarget.value))}>
          {tasks.map((one, i) => <option value={i}>{one.name}</option>)}
        </select>
      </Field>
      <Pager byName of="tasks" next={data.value?.next_cursor} />
      {children}
      <div class="pairs" aria-label={`Task ${task.name}`} role="group">
        {task.train.map((pair, i) => <Two key={`${task.name}${i}`} pair={pair} name={`Example ${i + 1}`} />)}
        {task.test.map((pair, i) => <Two key={`${task.name}t${i}`} pair={{ ...pair, answer: [] }} name={`Question ${i + 1}`} />)}
      </div>
    </div>
  );
}

function Two({ pair, name }: { pair: ArcPair; name: string }) {
  return (
    <figure>
      <figcaption>{name}</figcaption>
      <div class="pair">
        <Grid rows={pair.question} label={name} />
        <span aria-hidden="true">→</span>
        {pair.answer.length ? <Grid rows={pair.answer} label={`Answer of ${name.toLowerCase()}`} /> : <b>?</b>}
      </div>
    </figure>
  );
}

function Grid({ rows, label }: { rows: string[]; label: string }) {
  const question = rows.join("");
  const spec = useMemo<Spec>(() => ({ kind: "arc", rows: rows.length, cols: rows[0]?.length ?? 0, symbols: [..."0123456789"], box: null }), [question, rows.length]);
  return <Drawn spec={spec} question={question} label={label} />;
}
