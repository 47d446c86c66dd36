// Small parts that pages share.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { JobStatus } from "../api/types";
import { amended, href, route } from "../router";

export function Heading({ title, sub, children }: { title: string; sub?: ComponentChildren; children?: ComponentChildren }) {
  useEffect(() => void (document.title = `${title} – TRM Service`), [title]);
  return (
    <header class="heading">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {sub && <p class="sub">{sub}</p>}
      </div>
      <div class="actions">{children}</div>
    </header>
  );
}

export function Card({ title, children, wide, actions }: { title?: string; children: ComponentChildren; wide?: boolean; actions?: ComponentChildren }) {
  return (
    <section class={wide ? "card wide" : "card"}>
      {(title || actions) && (
        <div class="card-head">
          {title && <h2>{title}</h2>}
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

/** A control under its name, or beside it. */
export function Field({ label, beside, children }: { label: ComponentChildren; beside?: boolean; children: ComponentChildren }) {
  return (
    <label class={beside ? "field" : "field tall"}>
      <span>{label}</span>
      {children}
    </label>
  );
}

export function Status({ status }: { status: JobStatus | string }) {
  return <span class={`status ${status}`}>{status}</span>;
}

export function Bar({ share, label }: { share: number; label: string }) {
  return <progress class="bar" max={1} value={share} aria-label={label} />;
}

export function Facts({ of: facts }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export interface TableProps<T> {
  label: string;
  head: string[];
  rows: T[];
  /** The cells of a row. */
  row: (item: T) => ComponentChildren[];
  empty: ComponentChildren;
}

export function Table<T>({ label, head, rows, row, empty }: TableProps<T>) {
  if (!rows.length) return <p class="empty">{empty}</p>;
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <caption class="hidden">{label}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th scope="col">{name || <span class="hidden">Actions</span>}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((item, i) => (
            <tr key={(item as { id?: string }).id ?? i}>{row(item).map((cell) => <td>{cell}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Pages by cursor: the address holds the cursor, so that a page can be linked and the browser's way back works. */
export function Pager({ next, of = "cursor", byName = false }: { next: string | null | undefined; of?: string; byName?: boolean }) {
  const begun = route.value.query.has(of);
  if (!next && !begun) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {begun && <a class="button" href={amended({ [of]: null })}>{byName ? "First" : "Newest"}</a>}
      {next && <a class="button" href={amended({ [of]: next })}>{byName ? "Next" : "Older"}</a>}
    </nav>
  );
}

/** Words that a list can be narrowed to. */
export function Tags({ of: tags, path }: { of: string[]; path: string }) {
  return <>{tags.map((tag) => <a class="chip" href={href(path, { tag })}>#{tag}</a>)}</>;
}

export function Loading({ what }: { what: string }) {
  return <p class="empty" role="status">Reading {what} …</p>;
}
