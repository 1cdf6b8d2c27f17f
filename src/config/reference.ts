/** What is generated from the schema: JSON Schemas for editors and the options table of docs/configuration.md. */

import { z } from 'zod';
import { realmSchema, routerSchema } from './schema.ts';
import { unbuiltNote } from './unbuilt-keys.ts';

type Kind = 'router' | 'realm';

interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

/** A value from the environment, which the editor cannot check further. */
const FROM_ENV: JsonSchema = { type: 'string', pattern: '\\$\\{env:[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}' };

function jsonSchema(kind: Kind): JsonSchema {
  const schema = kind === 'router' ? routerSchema : realmSchema;
  return marked(z.toJSONSchema(schema, { io: 'input', reused: 'inline' }) as JsonSchema, kind, '');
}

/** `schema` with a note in the description of every key that is accepted and not built. */
function marked(schema: JsonSchema, kind: Kind, key: string): JsonSchema {
  const inner: JsonSchema = { ...schema };
  const within = (item: JsonSchema) => marked(item, kind, key);
  if (schema.properties !== undefined) {
    inner.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, item]) => {
        const path = key === '' ? name : `${key}.${name}`;
        const note = unbuiltNote(kind, path);
        const noted =
          note === undefined ? item : { ...item, description: `${item.description ?? ''} (${note})`.trim() };
        return [name, marked(noted, kind, path)];
      }),
    );
  }
  if (schema.items !== undefined) inner.items = marked(schema.items, kind, `${key}[]`);
  if (schema.anyOf !== undefined) inner.anyOf = schema.anyOf.map(within);
  if (schema.oneOf !== undefined) inner.oneOf = schema.oneOf.map(within);
  if (typeof schema.additionalProperties === 'object') {
    inner.additionalProperties = marked(schema.additionalProperties, kind, `${key}.*`);
  }
  return inner;
}

/** Text of `config/router.schema.json` or `config/realm.schema.json`. */
export function schemaFile(kind: Kind): string {
  const schema = allowEnv(jsonSchema(kind));
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

/** Everywhere but on text without rules, `${env:NAME}` may stand too (CONTRACT §3). */
function allowEnv(schema: JsonSchema): JsonSchema {
  const inner: JsonSchema = { ...schema };
  if (schema.properties !== undefined) {
    inner.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, item]) => [key, allowEnv(item)]),
    );
  }
  if (schema.items !== undefined) inner.items = allowEnv(schema.items);
  if (schema.anyOf !== undefined) inner.anyOf = schema.anyOf.map(allowEnv);
  if (schema.oneOf !== undefined) inner.oneOf = schema.oneOf.map(allowEnv);
  if (typeof schema.additionalProperties === 'object')
    inner.additionalProperties = allowEnv(schema.additionalProperties);
  const checked =
    schema.enum ?? schema.pattern ?? (['number', 'integer', 'boolean'].includes(schema.type ?? '') || undefined);
  if (checked === undefined || schema.const !== undefined) return inner;
  const { description, default: fallback, ...rest } = inner;
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    anyOf: [rest, FROM_ENV],
  };
}

const REQUIRED = '*required*';

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

/** The options table as Markdown, one section per file. */
export function optionsTable(): string {
  const section = (title: string, kind: Kind) => {
    const lines = rows(jsonSchema(kind), '').map(
      ({ key, type, fallback, description }) => `| \`${key}\` | ${type} | ${fallback} | ${description} |`,
    );
    return [`### ${title}`, '', '| key | value | default | meaning |', '|---|---|---|---|', ...lines].join('\n');
  };
  return `${section('`config/router.yaml`', 'router')}\n\n${section('`realms/<realm>.yaml`', 'realm')}\n`;
}

function rows(schema: JsonSchema, prefix: string): Row[] {
  const result = new Map<string, Row>();
  for (const [name, item] of Object.entries(schema.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const nested = inside(item, key);
    const fallback =
      item.default === undefined
        ? schema.required?.includes(name)
          ? REQUIRED
          : '–'
        : typeof item.default === 'object' && item.default !== null && nested.length > 0 && !Array.isArray(item.default)
          ? '–'
          : `\`${JSON.stringify(item.default)}\``;
    result.set(key, {
      key,
      type: typeOf(item),
      fallback,
      description: (item.description ?? '').replaceAll('|', '\\|'),
    });
    for (const row of nested) if (!result.has(row.key)) result.set(row.key, row);
  }
  return [...result.values()];
}

/** Rows of what can stand inside `schema`: keys of maps, of list items and of alternatives. */
function inside(schema: JsonSchema, key: string): Row[] {
  const own = schema.properties === undefined ? [] : rows(schema, key);
  const items = schema.items === undefined ? [] : inside(schema.items, key.endsWith('[]') ? key : `${key}[]`);
  const named = typeof schema.additionalProperties === 'object' ? inside(schema.additionalProperties, `${key}.*`) : [];
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  // "One or a list" is one row per key, under the name of the single value.
  const single = branches.filter(
    (branch) => branch.type !== 'array' || !branches.some((other) => sameItem(other, branch)),
  );
  const alternatives = single.map((branch) => inside(branch, key));
  // Required in one alternative only is not required.
  const everywhere = (row: Row) => alternatives.every((other) => other.some(({ key: name }) => name === row.key));
  const loose = alternatives
    .flat()
    .map((row) => (everywhere(row) ? row : { ...row, fallback: optional(row.fallback) }));
  return unique([...own, ...items, ...named, ...loose]);
}

function optional(fallback: string): string {
  return fallback === REQUIRED ? '–' : fallback;
}

function unique(all: readonly Row[]): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of all) {
    const first = byKey.get(row.key);
    if (first === undefined) byKey.set(row.key, row);
    else if (first.type !== row.type) {
      const types = new Set([...first.type.split(', '), ...row.type.split(', ')]);
      byKey.set(row.key, { ...first, type: [...types].join(', ') });
    }
  }
  return [...byKey.values()];
}

function sameItem(one: JsonSchema, many: JsonSchema): boolean {
  return one !== many && JSON.stringify(one) === JSON.stringify(many.items);
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (branches.length > 0) {
    const single = branches.filter(
      (branch) => !(branch.type === 'array' && branches.some((one) => sameItem(one, branch))),
    );
    const types = [...new Set(single.map(typeOf))].join(' or ');
    return single.length < branches.length ? `${types}, or a list` : types;
  }
  if (schema.type === 'array') return schema.items === undefined ? 'list' : `list of ${typeOf(schema.items)}`;
  if (schema.type === 'object') return 'map';
  if (schema.type === 'boolean') return '`true`, `false`';
  if (schema.type !== 'integer' && schema.type !== 'number') return schema.type === 'string' ? 'text' : 'any';
  return `${schema.minimum ?? ''} … ${schema.maximum ?? ''}`;
}

/** Marks around the generated part of docs/configuration.md. */
const BEGIN = '<!-- options: generated by `npm run schemas` from src/config/schema.ts -->';
const END = '<!-- end of options -->';

/** `page` with its generated part renewed. @throws Error where the marks are missing */
export function renewOptions(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('the page lacks the marks of the generated part');
  return `${page.slice(0, begin + BEGIN.length)}\n\n${optionsTable()}\n${page.slice(end)}`;
}
