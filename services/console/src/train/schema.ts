// The settings of a training as the service's own OpenAPI document describes them.
import { get } from "../api/client";

export interface Setting {
  /** `train.learning_rate` */
  name: string;
  description: string;
  kind: "number" | "integer" | "boolean" | "choice" | "json";
  choices: string[];
  nullable: boolean;
  min: number | null;
  max: number | null;
}

interface Schema {
  type?: string;
  description?: string;
  enum?: string[];
  anyOf?: Schema[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
}
type Schemas = Record<string, { properties: Record<string, Schema> }>;

let read: Promise<Schemas> | null = null;

export async function settings(): Promise<Setting[]> {
  read ??= get<{ components: { schemas: Schemas } }>("openapi.json").then((found) => found.components.schemas);
  const schemas = await read.catch((error) => ((read = null), Promise.reject(error)));
  const sections: [string, string][] = [["train", "TrainConfig"], ["model", "ModelConfig"]];
  return sections.flatMap(([section, title]) =>
    Object.entries(schemas[title]!.properties).map(([name, schema]) => settingOf(`${section}.${name}`, schema)),
  );
}

function settingOf(name: string, schema: Schema): Setting {
  const nullable = schema.anyOf?.some((option) => option.type === "null") ?? false;
  const bare = schema.anyOf?.find((option) => option.type !== "null") ?? schema;
  return {
    name,
    description: schema.description ?? "",
    kind: bare.enum ? "choice" : kindOf(bare.type),
    choices: bare.enum ?? [],
    nullable,
    min: bare.minimum ?? bare.exclusiveMinimum ?? null,
    max: bare.maximum ?? bare.exclusiveMaximum ?? null,
  };
}

function kindOf(type: string | undefined): Setting["kind"] {
  return type === "integer" || type === "number" || type === "boolean" ? type : "json";
}

/** The value that a text of the form means; raises an Error in words. */
export function parse(setting: Setting, text: string): unknown {
  if (setting.nullable && text.trim() === "") return null;
  if (setting.kind === "boolean") return text === "true";
  if (setting.kind === "choice") return text;
  if (setting.kind === "json") return JSON.parse(text);
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new Error("This is no number.");
  if (setting.kind === "integer" && !Number.isInteger(value)) throw new Error("This takes whole numbers.");
  return value;
}
