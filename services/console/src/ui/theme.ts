// Light, dark, or as the system has it; kept by the browser.
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const STORED = "trm-theme";
export const theme = signal<Theme>((localStorage.getItem(STORED) as Theme | null) ?? "system");
/** Counts changes of the colours in force, for what is drawn on a canvas. */
export const colours = signal(0);

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem(STORED, theme.value);
  colours.value = colours.peek() + 1;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (colours.value += 1));

export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
