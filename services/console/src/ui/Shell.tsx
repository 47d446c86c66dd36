// What stands around every page: the navigation, the theme, and the word when the gateway is away.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { connection } from "../api/client";
import { href, route } from "../router";
import { theme, type Theme } from "./theme";

const PAGES: [string, string, string][] = [
  ["solve", "Solve", "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 17h6M17 14v6"],
  ["runs", "Runs", "M4 20V4M4 20h16M7 15l4-5 3 3 5-7"],
  ["evaluations", "Evaluations", "M4 14a8 8 0 0 1 16 0M12 14l4-4M4 18h16"],
  ["train", "Train", "M12 5v14M5 12h14"],
  ["jobs", "Jobs", "M4 6h16M4 12h16M4 18h10"],
  ["models", "Models", "M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 12l8-4.500M12 12v9M12 12L4 7.500"],
  ["datasets", "Data sets", "M4 6c0-3 16-3 16 0v12c0 3-16 3-16 0zM4 6c0 3 16 3 16 0M4 12c0 3 16 3 16 0"],
  ["settings", "Settings", "M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M6 15v4"],
];
/** Pages that another one leads to. */
const UNDER: Record<string, string> = { compare: "runs", queue: "jobs" };
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

export function Shell({ children }: { children: ComponentChildren }) {
  const [page = "solve"] = route.value.parts;
  const here = UNDER[page] ?? page;
  useEffect(bringIntoSight, [here]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>Skip to the page</a>
      <header class="bar-top">
        <a class="brand" href={href("solve")}>
          <img src="console/icon.svg" alt="" width={28} height={28} />
          <span>TRM Service</span>
        </a>
        <nav aria-label="Pages of the console">
          {PAGES.map(([path, name, icon]) => (
            <a href={href(path)} aria-current={here === path ? "page" : undefined}>
              <svg viewBox="0 0 24 24" aria-hidden="true"><path d={icon} /></svg>
              <span>{name}</span>
            </a>
          ))}
        </nav>
        <div class="bar-end">
          <a href="docs">API</a>
          <button class="quiet" title="Light, dark, or as the system has it" onClick={() => (theme.value = NEXT[theme.value])}>
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="8" fill="none" /><path d="M12 4a8 8 0 0 1 0 16z" /></svg>
            <span class="hidden">Theme: </span>
            {{ system: "Auto", light: "Light", dark: "Dark" }[theme.value]}
          </button>
        </div>
      </header>
      <Connection />
      <main id="main" tabIndex={-1}>{children}</main>
    </div>
  );
}

/** The page's own link, where the navigation is wider than the window. `scrollIntoView` would begin the way of the tab key there. */
function bringIntoSight(): void {
  const link = document.querySelector<HTMLElement>("nav [aria-current]");
  const nav = link?.parentElement;
  if (nav) nav.scrollLeft = link.offsetLeft - nav.offsetLeft - (nav.clientWidth - link.offsetWidth) / 2;
}

function Connection() {
  if (connection.value === "up") return <div role="status" class="connection" />;
  const lost = connection.value === "lost";
  return (
    <div role="status" class={`connection ${connection.value}`}>
      {lost ? "The gateway does not answer. Trying again …" : "Connected again."}
    </div>
  );
}
