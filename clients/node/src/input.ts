/**
 * Requests as plain objects: checked field by field before anything is sent, so that a misspelt name or
 * a number that is not whole is an error with the name of its field.
 */

import {
  create,
  type DescField,
  type DescMessage,
  fromJsonString,
  type Message,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type Duration, type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { invalid } from "./errors.js";
import { type SaleDraft, SaleDraftSchema } from "./v1/index.js";

/**
 * A message as a caller writes it: every field is optional, 64-bit numbers may be `bigint` or safe
 * whole numbers, and times may be a `Date`.
 */
export type Input<T> = T extends bigint
  ? bigint | number
  : T extends string | number | boolean | undefined | Uint8Array
    ? T
    : T extends Timestamp
      ? Date | { seconds: bigint | number; nanos?: number }
      : T extends Duration
        ? { seconds: bigint | number; nanos?: number }
        : T extends (infer E)[]
          ? readonly Input<E>[]
          : T extends Message
            ? { [K in Exclude<keyof T, "$typeName" | "$unknown">]?: Input<T[K]> | undefined }
            : { [K in keyof T]: Input<T[K]> };

type Plain = Record<string, unknown>;

/** The message of a plain object, or an `InvalidRequest` with the field that is wrong. */
export function messageOf<S extends DescMessage>(
  schema: S,
  input: unknown,
  path = "",
): MessageShape<S> {
  if (input instanceof Date && schema.typeName === "google.protobuf.Timestamp") {
    if (Number.isNaN(input.getTime())) {
      throw invalid(path, `${path} must be a time, not an invalid Date`);
    }
    return timestampFromDate(input) as Message as MessageShape<S>;
  }
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    const place = path || "request";
    throw invalid(place, `${place} must be an object of ${schema.name}, not ${shown(input)}`);
  }
  const fields: Plain = {};
  for (const [name, value] of Object.entries(input)) {
    if (name.startsWith("$") || value === undefined) {
      continue;
    }
    const oneof = schema.oneofs.find((one) => one.localName === name);
    const chosen = oneof ? (value as { case?: string; value?: unknown }) : undefined;
    const field = schema.field[chosen ? (chosen.case ?? "") : name];
    if (!field) {
      const place = joined(path, name);
      throw invalid(place, `${place} does not exist: ${schema.name} has no such field`);
    }
    const place = joined(path, field.name);
    if (chosen) {
      fields[name] = { case: chosen.case, value: fieldOf(field, chosen.value, place) };
    } else {
      fields[name] = fieldOf(field, value, place);
    }
  }
  return create(schema, fields as MessageInitShape<S>);
}

function joined(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

function fieldOf(field: DescField, value: unknown, path: string): unknown {
  switch (field.fieldKind) {
    case "message":
      return messageOf(field.message, value, path);
    case "list":
      if (!Array.isArray(value)) {
        throw invalid(path, `${path} must be an array, not ${shown(value)}`);
      }
      return value.map((one, index) => {
        const place = `${path}[${index}]`;
        return field.listKind === "message"
          ? messageOf(field.message, one, place)
          : scalarOf(field.scalar ?? ScalarType.INT32, one, place);
      });
    case "map":
      if (typeof value !== "object" || value === null || field.mapKind !== "scalar") {
        throw invalid(path, `${path} must be an object, not ${shown(value)}`);
      }
      return Object.fromEntries(
        Object.entries(value).map(([key, one]) => [
          key,
          scalarOf(field.scalar, one, `${path}.${key}`),
        ]),
      );
    case "enum":
      return scalarOf(ScalarType.INT32, value, path);
    default:
      return scalarOf(field.scalar, value, path);
  }
}

const TYPES: Partial<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "string",
  [ScalarType.BOOL]: "boolean",
  [ScalarType.DOUBLE]: "number",
  [ScalarType.FLOAT]: "number",
};

const RANGES: Partial<Record<ScalarType, readonly [bigint, bigint]>> = {
  [ScalarType.INT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.UINT32]: [0n, 2n ** 32n - 1n],
  [ScalarType.INT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.UINT64]: [0n, 2n ** 64n - 1n],
};

function scalarOf(type: ScalarType, value: unknown, path: string): unknown {
  const range = RANGES[type];
  if (range) {
    const whole = wholeOf(value, path);
    if (whole < range[0] || whole > range[1]) {
      throw invalid(path, `${path} must be ${range[0]} to ${range[1]}, not ${whole}`);
    }
    return type === ScalarType.INT64 || type === ScalarType.UINT64 ? whole : Number(whole);
  }
  const wanted = TYPES[type];
  if (wanted && typeof value !== wanted) {
    throw invalid(path, `${path} must be a ${wanted}, not ${shown(value)}`);
  }
  return value;
}

function wholeOf(value: unknown, path: string): bigint {
  if (typeof value === "bigint") {
    return value;
  }
  // A number beyond 2^53 may have been another one before it came here.
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    const hint = typeof value === "number" ? "; write larger ones as bigint" : "";
    throw invalid(path, `${path} must be a whole number up to 2^53, not ${shown(value)}${hint}`);
  }
  return BigInt(value);
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Reads the draft of a sale from JSON text, the ProtoJSON of SaleDraft. */
export function saleFromJson(text: string): SaleDraft {
  try {
    return fromJsonString(SaleDraftSchema, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const field = /field doorbuster\.v1\.\w+\.(\w+)|key "(\w+)"/.exec(why);
    const place = ["sale", field?.[1] ?? field?.[2]].filter(Boolean).join(".");
    throw invalid(place, `${place}: ${why}`);
  }
}

/** A 64-bit number as a number; throws beyond 2^53, where a number would be another one. */
export function checkedNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw new RangeError(`${value} is beyond 2^53 and is no exact number`);
  }
  return Number(value);
}
