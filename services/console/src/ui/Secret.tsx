// What the service says once.
import { Copy } from "./Copy";

export function Secret({ what, text }: { what: string; text: string | undefined }) {
  if (!text) return null;
  return (
    <p class="note good" role="status">
      <b>Keep this {what}: it is shown only now.</b> <code>{text}</code> <Copy text={text} />
    </p>
  );
}
