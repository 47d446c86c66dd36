// A text to copy, with a button that says when it was.
import { useSignal } from "@preact/signals";

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
    setTimeout(() => (copied.value = false), 1500);
  };
  return (
    <button class="quiet" onClick={() => void copy()}>
      {copied.value ? "Copied" : label}
    </button>
  );
}
