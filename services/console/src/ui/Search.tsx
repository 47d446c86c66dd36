// Finds in a list by name, #tag and key:value; the address holds what is sought.
import { useEffect, useRef } from "preact/hooks";
import { amend, route, type Query } from "../router";

/** Filters of the API that one field is enough for. */
export const SOUGHT = ["name", "tag", "metadata"];
const PAUSE_MILLISECONDS = 300;
const PAIR = /^[A-Za-z0-9][\w./-]*:./;

/** Whether the address narrows the list of its page. */
export function isSought(): boolean {
  return SOUGHT.some((name) => route.value.query.has(name));
}

export function Search() {
  const { query } = route.value;
  const text = [...query.getAll("tag").map((tag) => `#${tag}`), ...query.getAll("metadata"), query.get("name")].filter(Boolean).join(" ");
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  useEffect(() => {
    const asked = parse(input.current!.value);
    if (SOUGHT.some((name) => String(asked[name]) !== String(query.getAll(name)))) input.current!.value = text;
  }, [text]);
  const seek = (given: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => amend({ ...parse(given), cursor: null }), PAUSE_MILLISECONDS);
  };
  return <input ref={input} type="search" aria-label="Find by name, #tag or key:value" placeholder="Name, #tag, key:value" onInput={(event) => seek(event.currentTarget.value)} />;
}

function parse(text: string): Query & Record<string, string[]> {
  const words = text.trim().split(/\s+/);
  const tag = words.filter((word) => /^#./.test(word));
  const metadata = words.filter((word) => PAIR.test(word));
  const name = words.filter((word) => !tag.includes(word) && !metadata.includes(word)).join(" ");
  return { tag: tag.map((word) => word.slice(1)), metadata, name: name ? [name] : [] };
}
