// A list of the API in a card, page by page.
import type { Resource } from "../api/resource";
import type { Page } from "../api/types";
import { Card, Loading, Pager, Table, type TableProps } from "./parts";
import { ProblemNote } from "./ProblemNote";

interface Props<T> extends Omit<TableProps<T>, "rows"> {
  of: Resource<Page<T>>;
}

export function List<T>({ of: { data, problem }, ...table }: Props<T>) {
  if (!data.value) return problem.value ? <ProblemNote problem={problem.value} /> : <Loading what={`the ${table.label.toLowerCase()}`} />;
  return (
    <>
      <ProblemNote problem={problem.value} />
      <Card wide>
        <Table {...table} rows={data.value.data} />
        <Pager next={data.value.next_cursor} />
      </Card>
    </>
  );
}
