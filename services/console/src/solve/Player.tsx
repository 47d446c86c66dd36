// Moves through the steps of a solve: buttons, a slider, and the keys of the whole page.
import { useEffect } from "preact/hooks";
import type { Session } from "./session";

const SPEEDS = [1, 3, 6, 12, 30];

export function Player({ session }: { session: Session }) {
  const length = session.chainSteps.value.length;
  const shown = session.shown.value;
  useEffect(() => {
    const press = (event: KeyboardEvent) => control(session, event);
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [session]);
  const jump = (name: string, path: string, to: number) => (
    <button class="round" aria-label={name} disabled={to === shown || to < 0 || to > length} onClick={() => session.show(to)}><Icon path={path} /></button>
  );
  return (
    <div class="player" role="group" aria-label="Steps">
      {jump("Question", "M7 5v14M18 6l-8 6 8 6z", 0)}
      {jump("Step back", "M16 6l-9 6 9 6z", shown - 1)}
      <button class="round main" aria-label={session.playing.value ? "Pause" : "Play"} onClick={() => session.togglePlay()}>
        <Icon path={session.playing.value ? "M9 6v12M15 6v12" : "M8 5l11 7-11 7z"} />
      </button>
      {jump("Step forward", "M8 6l9 6-9 6z", shown + 1)}
      {jump("Last step", "M6 6l8 6-8 6zM17 5v14", length)}
      <input
        type="range"
        aria-label="Supervision step"
        aria-valuetext={shown ? `after step ${shown} of ${length}` : "question"}
        min={0}
        max={length}
        value={shown}
        onInput={(event) => session.show(Number(event.currentTarget.value))}
      />
      <output class="count">{shown} / {length}</output>
      <select
        aria-label="Steps a second"
        value={session.stepsASecond.value}
        onChange={(event) => (session.stepsASecond.value = Number(event.currentTarget.value))}
      >
        {SPEEDS.map((speed) => (
          <option value={speed}>{speed} steps/s</option>
        ))}
      </select>
    </div>
  );
}

/** Arrow keys, Home, End and space, wherever no control has a use for them. */
function control(session: Session, event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const used = event.key === " " ? "input, select, textarea, button, a, summary" : "input, select, textarea"; // by the control itself
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest(`${used}, [role=grid].editable`)) return;
  const shown = session.shown.peek();
  const moves: Record<string, () => void> = {
    ArrowLeft: () => session.show(shown - 1),
    ArrowRight: () => session.show(shown + 1),
    Home: () => session.show(0),
    End: () => session.show(Infinity),
    " ": () => session.togglePlay(),
  };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  move();
}

function Icon({ path }: { path: string }) {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={path} /></svg>;
}
