// This tab's key, and for those who may: API keys, webhooks, the audit log.
import { useSignal } from "@preact/signals";
import { key, send, setKey } from "../api/client";
import { useAction, usePage } from "../api/resource";
import { ago, moment } from "../ui/format";
import { Card, Heading, Pager, Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";
import { Secret } from "../ui/Secret";
import { Webhooks } from "./Webhooks";

interface ApiKey {
  id: string;
  owner: string;
  name: string;
  scopes: string[];
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
  key?: string;
}

interface AuditRecord {
  id: string;
  created_at: string;
  owner: string;
  action: string;
  object: string | null;
  outcome: string;
  count: number;
}

export function SettingsPage() {
  return (
    <>
      <Heading title="Settings" sub="The key of this tab, and for admins: keys, webhooks and the audit log." />
      <div class="cards">
        {key.value && (
          <Card title="This tab">
            <p class="row">
              <span>Key <code>{key.value.slice(0, 12)}…</code></span>
              <button onClick={() => setKey("")}>Forget it</button>
            </p>
          </Card>
        )}
        <Webhooks />
        <Keys />
        <Audit />
      </div>
    </>
  );
}

function Keys() {
  const { data, problem, reload } = usePage<ApiKey>("v1/api-keys", 0, [], "keys");
  const made = useSignal<ApiKey | null>(null);
  const { problem: refused, act } = useAction(reload);
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = { owner: form.get("owner"), name: form.get("name"), scopes: form.getAll("scope") };
    void act(async () => void (made.value = await send<ApiKey>("POST", "v1/api-keys", body)));
  };
  const row = (one: ApiKey) => [
    <>{one.name}<small>{one.owner}</small></>,
    one.scopes.join(", "),
    one.last_used_at ? ago(one.last_used_at) : "never",
    one.revoked_at ? "withdrawn" : one.expires_at ? moment(one.expires_at) : "never",
    !one.revoked_at && <button class="danger" aria-label={`Withdraw ${one.name}`} onClick={() => void act(() => send("DELETE", `v1/api-keys/${one.id}`))}>Withdraw</button>,
  ];
  return (
    <Card wide title="API keys">
      <ProblemNote problem={problem.value ?? refused.value} />
      {data.value && (
        <>
          <form class="row form-row" onSubmit={create}>
            <input name="owner" required aria-label="Owner" placeholder="owner" />
            <input name="name" required aria-label="What it is used for" placeholder="what it is used for" />
            {["train", "solve", "admin"].map((scope) => (
              <label class="check"><input type="checkbox" name="scope" value={scope} defaultChecked={scope !== "admin"} /> {scope}</label>
            ))}
            <button>Make a key</button>
          </form>
          <Secret what="key" text={made.value?.key} />
          <Table label="API keys" head={["Key", "Scopes", "Used", "Ends (UTC)", ""]} rows={data.value.data} row={row} empty="None was made." />
          <Pager of="keys" next={data.value.next_cursor} />
        </>
      )}
    </Card>
  );
}

function Audit() {
  const { data, problem } = usePage<AuditRecord>("v1/audit?limit=20");
  const row = (one: AuditRecord) => [
    moment(one.created_at),
    one.owner,
    one.action,
    <code>{one.object ?? "–"}</code>,
    <>{one.outcome}{one.count > 1 && ` × ${one.count}`}</>,
  ];
  return (
    <Card wide title="Audit log">
      <ProblemNote problem={problem.value} />
      {data.value && (
        <>
          <Table label="Audit log" head={["When (UTC)", "Owner", "Action", "Object", "Outcome"]} rows={data.value.data} row={row} empty="Nothing was recorded." />
          <Pager next={data.value.next_cursor} />
        </>
      )}
    </Card>
  );
}
