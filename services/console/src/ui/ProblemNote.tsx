// An error in words: what was wrong, which parts, and the problem's own advice.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, type Problem } from "../api/client";
import { Heading, Loading } from "./parts";

const advices = new Map<string, string>();

/** A page that has nothing to show yet, or never will. */
export function Pending({ title, problem }: { title: string; problem: Problem | null }) {
  return problem ? <><Heading title={title} /><ProblemNote problem={problem} /></> : <Loading what={`the ${title.toLowerCase()}`} />;
}

export function ProblemNote({ problem }: { problem: Problem | null }) {
  const advice = useSignal("");
  const code = problem?.code ?? "";
  useEffect(() => {
    advice.value = advices.get(code) ?? "";
    if (!code || advice.value) return;
    void get<{ advice: string }>(`v1/problems/${code}`).then(
      (found) => {
        advices.set(code, found.advice);
        advice.value = found.advice;
      },
      () => undefined,
    );
  }, [code]);
  if (!problem) return null;
  const rest = problem.items.filter((item) => item.detail !== problem.detail);
  return (
    <div class="note problem" role="alert">
      <strong>{problem.title}</strong>
      {problem.detail !== problem.title && <p>{problem.detail}</p>}
      {rest.length > 0 && (
        <ul>
          {rest.slice(0, 20).map((item) => (
            <li>
              {item.row !== null && <b>Row {item.row}: </b>}
              {item.detail}
            </li>
          ))}
        </ul>
      )}
      {advice.value && advice.value !== problem.detail && <p class="advice">{advice.value}</p>}
      {problem.requestId && (
        <p class="fine">
          {problem.code} · {problem.requestId}
        </p>
      )}
    </div>
  );
}
