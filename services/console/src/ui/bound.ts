// Ties a control to a signal.
import type { Signal } from "@preact/signals";

export function bound<T extends string>(to: Signal<T>) {
  return { value: to.value, onInput: (event: { currentTarget: { value: string } }) => void (to.value = event.currentTarget.value as T) };
}
