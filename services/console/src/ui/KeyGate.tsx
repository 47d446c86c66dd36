// Asks for the API key where the gateway wants one: pasted once, kept for this tab alone.
import { useSignal } from "@preact/signals";
import { key, setKey } from "../api/client";
import { bound } from "./bound";
import { Field } from "./parts";

export function KeyGate() {
  const given = useSignal("");
  const enter = (event: Event) => {
    event.preventDefault();
    if (given.value.trim()) setKey(given.value);
  };
  return (
    <main class="gate" id="main">
      <form class="card" onSubmit={enter}>
        <h1>{key.value ? "This key is not valid" : "An API key is needed"}</h1>
        <p>
          {key.value ? "It was withdrawn, has expired, or was not copied whole. " : "This service asks for keys. "}
          An operator makes one with <code>python -m services.gateway keys create</code>, an admin under Settings.
        </p>
        <Field label="API key">
          <input type="password" autocomplete="off" spellcheck={false} placeholder="trm_…" {...bound(given)} />
        </Field>
        <button class="primary big">Go on</button>
        <p class="fine">It stays in this tab until that is closed, and is sent to this gateway only, in a header.</p>
      </form>
    </main>
  );
}
