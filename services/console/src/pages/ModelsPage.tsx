// Models that ship, with what was measured of them, and the checkpoints of one's own trainings.
import { useSignal } from "@preact/signals";
import { usePage, useResource, type Resource } from "../api/resource";
import type { Checkpoint, Model, ModelList, Promoted } from "../api/types";
import { called } from "../board/spec";
import { href, route } from "../router";
import { ago, bytes, percent, whole } from "../ui/format";
import { Card, Facts, Heading, Loading, Pager, Table } from "../ui/parts";
import { Pending, ProblemNote } from "../ui/ProblemNote";
import { Checkpoints } from "./Checkpoints";
import { ModelUpload } from "./ModelUpload";
import { BandPlot, certain, ReliabilityPlot } from "./plots";
import { PromotedPage } from "./PromotedPage";

export function ModelsPage() {
  const uploading = useSignal(false);
  const models = useResource<ModelList>("v1/models");
  const promoted = usePromoted(models);
  const checkpoints = usePage<Checkpoint>("v1/checkpoints");
  return (
    <>
      <Heading title="Models" sub="Those that ship with the service, and checkpoints: of trainings here, or uploaded." />
      <ProblemNote problem={models.problem.value} />
      {!models.data.value && !models.problem.value && <Loading what="the models" />}
      <div class="cards">
        {models.data.value?.data.map((model) => (
          <Card key={model.name} title={model.name} actions={<span class="row"><a class="button" href={href(`models/${model.name}`)}>Card</a><a class="button primary" href={href("solve", { model: model.name })}>Solve</a></span>}>
            <p class="lead">{sizes(model)}. {percent(model.test.exact_accuracy, 2)} of {whole(model.test.n)} test puzzles wholly right.</p>
            <StepPlot of={model} />
          </Card>
        ))}
        {promoted && promoted.promoted.length > 0 && (
          <Card wide title="Promoted">
            <Table label="Promoted models" head={["Name", "Version", "Checkpoint", "Since", ""]} rows={promoted.promoted} empty="" row={(one) => [
              <a href={href(`models/${one.name}`)}>{one.name}</a>,
              one.version,
              <code>{one.checkpoint_id}</code>,
              ago(one.created_at),
              <a class="button" href={href("solve", { model: one.name })}>Solve</a>,
            ]} />
            <Pager byName of="names" next={promoted.next_cursor} />
          </Card>
        )}
        {uploading.value && <ModelUpload after={() => void checkpoints.reload()} />}
        <Card wide title="Checkpoints" actions={<button aria-expanded={uploading.value} onClick={() => (uploading.value = !uploading.value)}>Upload a model</button>}>
          <ProblemNote problem={checkpoints.problem.value} />
          <Checkpoints mixed of={checkpoints.data.value?.data ?? []} after={() => void Promise.all([checkpoints.reload(), models.reload()])} />
          <Pager next={checkpoints.data.value?.next_cursor} />
        </Card>
      </div>
    </>
  );
}

/** The page of names that the address holds; the first came with the models that ship. */
function usePromoted(first: Resource<ModelList>): ModelList | null {
  const cursor = route.value.query.get("names");
  const later = useResource<ModelList>(cursor && `v1/models?${new URLSearchParams({ cursor })}`);
  return cursor ? later.data.value : first.data.value;
}

function sizes(model: Model): string {
  return model.any_size ? `${called(model.puzzle)}s, and every other size` : `${called(model.puzzle)}s`;
}

function StepPlot({ of: model }: { of: Model }) {
  return <BandPlot label="supervision step" points={model.step_exact_accuracy.map((share, i) => ({ x: i + 1, share: certain(share) }))} />;
}

export function ModelPage({ id }: { id: string }) {
  const { data, problem, reload } = useResource<Model | Promoted>(`v1/models/${encodeURIComponent(id)}`);
  const model = data.value;
  if (model && "checkpoint_id" in model) return <PromotedPage of={model} after={reload} />;
  if (!model) return <Pending title="Model" problem={problem.value} />;
  const [low, high] = model.test.interval;
  return (
    <>
      <Heading title={model.name} sub={`${sizes(model)}. Trained with the preset ${model.preset} on ${model.dataset}: ${model.cost}.`}>
        <a class="button" href={href("train", { preset: model.preset })}>Train one like it</a>
        <a class="button primary" href={href("solve", { model: model.name })}>Solve with it</a>
      </Heading>
      <Card wide>
        <Facts of={[
          ["Exact accuracy", percent(model.test.exact_accuracy, 2)],
          ["95 % interval", `${percent(low, 2)} to ${percent(high, 2)}`],
          ["Test puzzles", `${whole(model.test.right)} of ${whole(model.test.n)}`],
          ["Calibration error", percent(model.calibration_error, 2)],
          ["Parameters", whole(model.parameters)],
          ["Size", bytes(model.bytes)],
          ["Licence", model.licence],
        ]} />
      </Card>
      <div class="cards section">
        <Card title="Exact accuracy after each supervision step"><StepPlot of={model} /></Card>
        <Card title="When it is sure, is it right?"><ReliabilityPlot bins={model.calibration.map((bin) => ({ ...bin, right: certain(bin.right) }))} /></Card>
        {model.harder && (
          <Card title="Thinking until the rules agree">
            <Facts of={[
              ["Exact accuracy", percent(model.harder.exact_accuracy, 2)],
              ["Puzzles", `${whole(model.harder.right)} of ${whole(model.harder.n)}`],
              ["Steps a puzzle", model.harder.mean_total_steps.toFixed(2)],
            ]} />
            <p class="lead">{Object.entries(model.harder.effort).map(([name, value]) => <code class="chip">{name}={String(value)}</code>)}</p>
          </Card>
        )}
      </div>
    </>
  );
}
