// A new training: where it begins, what it learns from, and which settings differ from that beginning.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getAll, send, type Problem, type ProblemItem } from "../api/client";
import { asProblem, useResource } from "../api/resource";
import type { Checkpoint, Dataset, Job, Preset, PresetDetail, Run, Section } from "../api/types";
import { called, sameShape } from "../board/spec";
import { go, href, route } from "../router";
import { shown } from "../runs/settings";
import { duration, plural, whole } from "../ui/format";
import { Card, Field, Heading, Loading } from "../ui/parts";
import { bound } from "../ui/bound";
import { ProblemNote } from "../ui/ProblemNote";
import { parse, settings, type Setting } from "./schema";

const FIRST = ["train.steps", "train.batch_size", "train.learning_rate", "train.precision", "train.seed", "train.evaluate_every"];
const PAUSE_MILLISECONDS = 400;
const EASIEST = "sudoku-4x4";

type Beginning = { puzzle: PresetDetail["puzzle"]; dataset: string; model: Section; train: Section };

export function TrainPage() {
  const from = route.value.query.get("from");
  const presets = useResource<{ data: Preset[] }>("v1/presets");
  const preset = useSignal(route.value.query.get("preset") ?? EASIEST);
  const detail = useResource<PresetDetail>(from ? null : `v1/presets/${encodeURIComponent(preset.value)}`);
  const checkpoint = useResource<Checkpoint>(from ? `v1/checkpoints/${from}` : null);
  const parent = useResource<Run>(checkpoint.data.value ? `v1/runs/${checkpoint.data.value.run_id}` : null);
  const beginning: Beginning | null = from ? (parent.data.value?.config ?? null) : detail.data.value;
  const problem = presets.problem.value ?? detail.problem.value ?? checkpoint.problem.value;
  const chosen = presets.data.value?.data.find((one) => one.name === preset.value);
  return (
    <>
      <Heading title="New training" sub={from ? `Begins with the weights of ${from}; the model stays as it is.` : "A preset to begin with, and what to change in it."} />
      <ProblemNote problem={problem} />
      {!from && presets.data.value && (
        <Card wide title="Preset">
          <select aria-label="Preset" {...bound(preset)}>
            {presets.data.value.data.map((one) => (
              <option value={one.name}>{one.name} – {one.hardware}</option>
            ))}
          </select>
          {chosen && <p class="lead">{chosen.summary}</p>}
        </Card>
      )}
      {beginning ? <Form key={from ?? preset.value} from={from} preset={preset.value} beginning={beginning} /> : !problem && <Loading what="the settings" />}
    </>
  );
}

function Form({ from, preset, beginning }: { from: string | null; preset: string; beginning: Beginning }) {
  const all = useSignal<Setting[]>([]);
  const texts = useSignal<Record<string, string>>({});
  const name = useSignal("");
  const tags = useSignal("");
  const dataset = useSignal(route.value.query.get("dataset") ?? "");
  const sought = useSignal("");
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  useEffect(() => void settings().then((found) => (all.value = found), (error) => (problem.value = asProblem(error))), []);
  const changes = all.value.filter((setting) => setting.name in texts.value);
  const local = new Map(changes.flatMap((setting) => wrong(setting, texts.value[setting.name]!)));
  const request = () => {
    const overrides = Object.fromEntries(changes.map((setting) => [setting.name, parse(setting, texts.value[setting.name]!)]));
    const named = { ...(dataset.value && { dataset: dataset.value }), ...(name.value.trim() && { name: name.value.trim() }) };
    const tagged = tags.value.split(/[\s,#]+/).filter(Boolean);
    return { ...(from ? { from_checkpoint: from } : { preset }), overrides, tags: tagged, ...named };
  };
  const start = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    try {
      const job = await send<Job>("POST", "v1/training-jobs", request());
      go(`runs/${job.run_id}`);
    } catch (error) {
      problem.value = asProblem(error);
      busy.value = false;
    }
  };
  const plan = usePlan(local.size ? null : request);
  const items = (problem.value ?? plan.problem.value)?.items ?? [];
  const usable = all.value.filter((setting) => !from || setting.name.startsWith("train."));
  const word = sought.value.toLowerCase();
  const listed = usable.filter((setting) => word ? `${setting.name} ${setting.description}`.toLowerCase().includes(word) : FIRST.includes(setting.name) || setting.name in texts.value);
  const complete = useSignal(false);
  return (
    <form class="cards section" onSubmit={start}>
      <Card title="What it learns from">
        <fieldset>
          <Datasets dataset={dataset} beginning={beginning} />
          <Field label="Name of the run">
            <input maxLength={100} placeholder="optional" {...bound(name)} />
          </Field>
          <Field label="Tags, to find it by">
            <input placeholder="optional" {...bound(tags)} />
          </Field>
          <p class="fine">Puzzles of your own: <a href={href("datasets", { upload: 1 })}>upload them</a> first.</p>
        </fieldset>
      </Card>
      <Card title="Start">
        <div class="stack">
          <p>{changes.length ? `${plural(changes.length, "setting")} changed: ` : "All settings as they are."}{changes.map((setting) => <code class="chip">{setting.name}={texts.value[setting.name] || "none"}</code>)}</p>
          <button class="primary big" disabled={busy.value || local.size > 0}>Start the training</button>
          <Outlook plan={plan.data.value} />
          <ProblemNote problem={problem.value ?? plan.problem.value} />
        </div>
      </Card>
      <Card wide title="Settings" actions={
        <div class="row">
          <input type="search" aria-label="Find a setting" placeholder="Find a setting" {...bound(sought)} />
          <button type="button" aria-pressed={complete.value} onClick={() => (complete.value = !complete.value)}>All {usable.length}</button>
        </div>
      }>
        <div class="settings">
          {(complete.value && !word ? usable : listed).map((setting) => (
            <SettingField key={setting.name} setting={setting} beginning={beginning} texts={texts} wrong={local.get(setting.name) ?? refusal(items, setting.name)} />
          ))}
        </div>
        {!listed.length && <p class="empty">No setting is called so.</p>}
      </Card>
    </form>
  );
}

interface Plan {
  train_puzzles: number | null;
  estimate: { seconds: number; basis: string; warnings: string[] };
  hardware: string;
}

/** What the service says to the request as it stands, asked when one pauses; null asks nothing. */
function usePlan(request: (() => object) | null) {
  const data = useSignal<Plan | null>(null);
  const problem = useSignal<Problem | null>(null);
  const body = request && JSON.stringify(request());
  useEffect(() => {
    if (!body) return;
    const timer = setTimeout(async () => {
      try {
        data.value = await send<Plan>("POST", "v1/training-jobs?dry_run=true", JSON.parse(body));
        problem.value = null;
      } catch (error) {
        problem.value = asProblem(error);
      }
    }, PAUSE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [body]);
  return { data, problem };
}

function Outlook({ plan }: { plan: Plan | null }) {
  if (!plan) return null;
  const basis = { measured: "as measured here", scaled: "scaled from a run here", assumed: "assumed, nothing was trained here yet" }[plan.estimate.basis];
  return (
    <div class="stack" role="status">
      <p>Takes about <b>{duration(plan.estimate.seconds)}</b> ({basis}){plan.train_puzzles !== null && <>, on {plural(plan.train_puzzles, "puzzle")}</>}. {plan.hardware}</p>
      {plan.estimate.warnings.map((warning) => <p class="note warn">{warning}</p>)}
    </div>
  );
}

function wrong(setting: Setting, text: string): [string, string][] {
  try {
    parse(setting, text);
    return [];
  } catch (error) {
    return [[setting.name, error instanceof SyntaxError ? "This is no JSON, as in [1, 2]." : (error as Error).message]];
  }
}

function refusal(items: ProblemItem[], name: string): string | undefined {
  return items.find((item) => item.pointer?.startsWith(`/overrides/${name}`))?.detail;
}

function Datasets({ dataset, beginning }: { dataset: Signal<string>; beginning: Beginning }) {
  const { data } = useResource<Dataset[]>("v1/datasets", 0, getAll);
  const fitting = (data.value ?? []).filter((one) => sameShape(one.puzzle, beginning.puzzle) || one.name === dataset.value);
  return (
    <Field label={<>Data set, of {called(beginning.puzzle)}s</>}>
      <select {...bound(dataset)}>
        <option value="">{beginning.dataset} – as it is</option>
        {fitting.filter((one) => one.name !== beginning.dataset).map((one) => (
          <option value={one.name}>{one.name} – {plural(one.splits["train"] ?? 0, "training puzzle")}</option>
        ))}
      </select>
    </Field>
  );
}

interface SettingProps {
  setting: Setting;
  beginning: Beginning;
  texts: Signal<Record<string, string>>;
  wrong: string | undefined;
}

function SettingField({ setting, beginning, texts, wrong: trouble }: SettingProps) {
  const [section = "", name = ""] = setting.name.split(".");
  const usual = beginning[section as "model" | "train"][name];
  const before = usual === null || usual === undefined ? "" : typeof usual === "object" ? JSON.stringify(usual) : String(usual);
  const changed = setting.name in texts.value;
  const id = `setting-${setting.name}`;
  const set = (text: string) => {
    const { [setting.name]: _, ...rest } = texts.value;
    texts.value = text === before ? rest : { ...rest, [setting.name]: text };
  };
  const value = texts.value[setting.name] ?? before;
  const described = { id, "aria-describedby": `${id}-what`, "aria-invalid": trouble !== undefined };
  const options = setting.kind === "boolean" ? ["true", "false"] : [...(setting.nullable ? [""] : []), ...setting.choices];
  return (
    <div class={changed ? "setting changed" : "setting"}>
      <label for={id} class="mono">{setting.name}</label>
      {setting.kind === "boolean" || setting.kind === "choice" ? (
        <select {...described} value={value} onChange={(event) => set(event.currentTarget.value)}>
          {options.map((option) => <option value={option}>{option || "none"}</option>)}
        </select>
      ) : (
        <input {...described} value={value} spellcheck={false} inputMode={setting.kind === "json" ? "text" : "decimal"} placeholder={setting.nullable ? "none" : ""} onInput={(event) => set(event.currentTarget.value)} />
      )}
      <p class="fine" id={`${id}-what`}>
        {setting.description} {bounds(setting)} {changed && <button type="button" class="link" onClick={() => set(before)}>Back to {shown(usual)}</button>}
        {trouble && <strong class="trouble" role="alert">{trouble}</strong>}
      </p>
    </div>
  );
}

function bounds({ min, max }: Setting): string {
  if (max === null || max > 1e15) return min === null ? "" : `From ${whole(min)}.`;
  return min === null ? `To ${whole(max)}.` : `${whole(min)} to ${whole(max)}.`;
}
