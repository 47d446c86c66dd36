// The console: which page the address means, inside the shell.
import { render } from "preact";
import { keyWanted } from "./api/client";
import { route } from "./router";
import { DatasetPage, DatasetsPage } from "./pages/DatasetsPage";
import { EvaluationsPage } from "./pages/EvaluationsPage";
import { JobPage } from "./pages/JobPage";
import { JobsPage } from "./pages/JobsPage";
import { ModelPage, ModelsPage } from "./pages/ModelsPage";
import { QueuePage } from "./pages/QueuePage";
import { SettingsPage } from "./pages/SettingsPage";
import { ComparePage } from "./runs/ComparePage";
import { RunPage } from "./runs/RunPage";
import { RunsPage } from "./runs/RunsPage";
import { SolvePage } from "./solve/SolvePage";
import { TrainPage } from "./train/TrainPage";
import { KeyGate } from "./ui/KeyGate";
import { Shell } from "./ui/Shell";
import { Heading } from "./ui/parts";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/board.css";
import "./style/solve.css";
import "./style/pages.css";

type Page = (props: { id: string }) => preact.JSX.Element | null;
const LISTS: Record<string, Page> = {
  solve: SolvePage,
  runs: RunsPage,
  compare: ComparePage,
  train: TrainPage,
  evaluations: EvaluationsPage,
  jobs: JobsPage,
  queue: QueuePage,
  models: ModelsPage,
  datasets: DatasetsPage,
  settings: SettingsPage,
};
const ITEMS: Record<string, Page> = { solve: SolvePage, runs: RunPage, jobs: JobPage, models: ModelPage, datasets: DatasetPage };

function Console() {
  const [page = "solve", item = ""] = route.value.parts;
  const Page = (item ? ITEMS : LISTS)[page] ?? Nowhere;
  if (keyWanted.value) return <KeyGate />;
  return (
    <Shell>
      <Page key={Page === SolvePage ? page : page + item} id={item} />
    </Shell>
  );
}

function Nowhere() {
  return <Heading title="There is no such page" sub="The address leads nowhere. The pages are listed above." />;
}

render(<Console />, document.getElementById("console")!);
