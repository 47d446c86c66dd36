// Servers that are told of jobs that have ended, and whether the messages arrived.
import { useSignal } from "@preact/signals";
import { send } from "../api/client";
import { useAction, usePage } from "../api/resource";
import { amended, route } from "../router";
import { ago } from "../ui/format";
import { Card, Pager, Table } from "../ui/parts";
import { ProblemNote } from "../ui/ProblemNote";
import { Secret } from "../ui/Secret";

interface Webhook {
  id: string;
  url: string;
  events: string[];
  disabled_at: string | null;
  created_at: string;
  secret?: string;
}

interface Delivery {
  id: string;
  attempt: number;
  delivered_at: string | null;
  due_at: string | null;
  outcome: string | null;
  created_at: string;
}

export function Webhooks() {
  const { data, problem, reload } = usePage<Webhook>("v1/webhooks", 0, [], "hooks");
  const made = useSignal<Webhook | null>(null);
  const opened = route.value.query.get("hook");
  const { problem: refused, act } = useAction(reload);
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const url = new FormData(event.currentTarget as HTMLFormElement).get("url");
    void act(async () => void (made.value = await send<Webhook>("POST", "v1/webhooks", { url })));
  };
  const row = (one: Webhook) => [
    <div class="cut">{one.url}<small>{one.disabled_at ? "told nothing more: it answered 410" : one.events.join(", ")}</small></div>,
    <span class="row">
      <a class="button" aria-expanded={opened === one.id} href={amended({ hook: opened === one.id ? null : one.id, messages: null })}>Messages</a>
      <button class="danger" onClick={() => void act(() => send("DELETE", `v1/webhooks/${one.id}`))}>Delete</button>
    </span>,
  ];
  return (
    <Card wide title="Webhooks">
      <ProblemNote problem={problem.value ?? refused.value} />
      <form class="row form-row" onSubmit={create}>
        <input name="url" type="url" required aria-label="Address" placeholder="https://hooks.example.org/trm" />
        <button>Make a webhook</button>
      </form>
      <Secret what="secret" text={made.value?.secret} />
      {data.value && <Table label="Webhooks" head={["Address", ""]} rows={data.value.data} row={row} empty="None. Jobs can be followed here, or by their events." />}
      <Pager of="hooks" next={data.value?.next_cursor} />
      {opened && data.value?.data.some((one) => one.id === opened) && <Deliveries id={opened} />}
    </Card>
  );
}

function Deliveries({ id }: { id: string }) {
  const { data, problem } = usePage<Delivery>(`v1/webhooks/${id}/deliveries`, 0, [], "messages");
  const row = (one: Delivery) => [
    ago(one.created_at),
    one.delivered_at ? "arrived" : one.due_at ? "will be tried again" : "given up",
    one.attempt,
    one.outcome ?? "–",
  ];
  return (
    <>
      <ProblemNote problem={problem.value} />
      <Table label="Messages" head={["Made", "State", "Attempts", "Last answer"]} rows={data.value?.data ?? []} row={row} empty="No message was made yet." />
      <Pager of="messages" next={data.value?.next_cursor} />
    </>
  );
}
