// Puzzles to train on: built in or uploaded, what was found in them, and a form to upload one's own.
import { useSignal } from "@preact/signals";
import { usePage, useResource } from "../api/resource";
import type { Dataset, Page } from "../api/types";
import { Drawn } from "../board/Drawn";
import { called } from "../board/spec";
import { href, route } from "../router";
import { ArcTasks } from "../solve/ArcTasks";
import { ago, moment, whole } from "../ui/format";
import { Card, Facts, Heading, Loading, Pager, Table } from "../ui/parts";
import { Pending, ProblemNote } from "../ui/ProblemNote";
import { Upload } from "./Upload";

const SPLITS = { train: "Training", validation: "Validation", test: "Test" };

export function DatasetsPage() {
  const { data, problem, reload } = usePage<Dataset>("v1/datasets");
  const open = useSignal(route.value.query.has("upload"));
  const row = (one: Dataset) => [
    <><a href={href(`datasets/${one.name}`)}>{one.name}</a><small>{one.summary ?? (one.report?.clean ? "nothing found that spoils a score" : one.report?.findings[0])}</small></>,
    called(one.puzzle),
    ...Object.keys(SPLITS).map((split) => whole(one.splits[split])),
    one.builtin ? "built in" : ago(one.created_at),
  ];
  return (
    <>
      <Heading title="Data sets" sub="Puzzles to train on, built in or uploaded.">
        <button class="primary" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>{open.value ? "Close the form" : "Upload puzzles"}</button>
      </Heading>
      <ProblemNote problem={problem.value} />
      {open.value && <Upload after={() => void reload()} />}
      {data.value ? (
        <Card wide>
          <Table label="Data sets" head={["Data set", "Puzzles", ...Object.values(SPLITS), "Added"]} rows={data.value.data} row={row} empty="None was uploaded." />
          <Pager next={data.value.next_cursor} />
        </Card>
      ) : (
        !problem.value && <Loading what="the data sets" />
      )}
    </>
  );
}

export function DatasetPage({ id }: { id: string }) {
  const { data, problem } = useResource<Dataset>(`v1/datasets/${encodeURIComponent(id)}`);
  const one = data.value;
  if (!one) return <Pending title="Data set" problem={problem.value} />;
  const presets = one.report?.presets ?? [];
  return (
    <>
      <Heading title={one.name} sub={one.summary ?? `${called(one.puzzle)}s, uploaded.`}>
        <a class="button primary" href={href("train", { dataset: one.name, ...(presets[0] && { preset: presets[0] }) })}>Train on it</a>
      </Heading>
      <Card wide>
        <Facts of={[
          ["Puzzles", `${called(one.puzzle)}s`],
          ...Object.entries(SPLITS).filter(([split]) => one.splits[split] != null).map(([split, name]): [string, string] => [name, whole(one.splits[split])]),
          ["Symbols", <span class="mono">{one.puzzle.symbols.map((symbol) => (symbol === " " ? "space" : symbol)).join(" ")}</span>],
          ["Licence", one.licence ?? "–"],
          ["Test puzzles like training ones", whole(one.overlap)],
          ["Added (UTC)", one.builtin ? "built in" : moment(one.created_at)],
        ]} />
      </Card>
      <Samples of={one} />
      {one.report && (
        <div class="cards section">
          <Card wide title={one.report.clean ? "Nothing was found that spoils a score" : "What was found"}>
            <ul class="plain">{one.report.findings.map((finding) => <li>{finding}</li>)}</ul>
            {presets.length > 0 && <p class="fine">Presets for such puzzles: {presets.join(", ")}.</p>}
          </Card>
        </div>
      )}
    </>
  );
}

interface Sample {
  index: number;
  question: string;
  rating: number | null;
}

/** Some test puzzles, drawn by chance but always the same. */
function Samples({ of: one }: { of: Dataset }) {
  const { data } = useResource<Page<Sample>>(one.kind === "arc" ? null : `v1/datasets/${encodeURIComponent(one.name)}/puzzles?split=test&limit=4&seed=1`);
  if (one.kind === "arc") return <div class="section"><ArcTasks dataset={one.name} /></div>;
  if (!data.value?.data.length) return null;
  return (
    <div class="samples section">
      {data.value.data.map((sample) => (
        <figure key={sample.index}>
          <Drawn spec={one.puzzle} question={sample.question} label={`Test puzzle ${sample.index + 1}`} />
          <figcaption>Test puzzle {sample.index + 1}{sample.rating !== null && `, rated ${sample.rating}`}</figcaption>
        </figure>
      ))}
    </div>
  );
}
