/** The package against the contract of the repository: messages, methods, writes. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  type DescField,
  type DescFile,
  type DescService,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Doorbuster, v1 } from "@doorbuster/client";
import { isWrite } from "#dist/client.js";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const wire = join(repository, "crates/wire/src/generated/doorbuster.v1.bin");
const served = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(wire)));
const services = Object.values(v1).filter(
  (one): one is typeof one & DescService => (one as { kind?: string }).kind === "service",
);
const methods = services.flatMap((service) => (service as DescService).methods);

/** What a field is, in one line. */
function described(field: DescField): string {
  const type = field.message?.typeName ?? field.enum?.typeName ?? String(field.scalar);
  const shape = [field.fieldKind, field.presence, field.oneof?.name ?? ""].join(" ");
  return `${field.parent.typeName}.${field.name} = ${field.number}: ${type} ${shape}`;
}

function allOf(file: DescFile): string[] {
  const methodLines = file.services.flatMap((service) =>
    service.methods.map(
      (one) => `${service.typeName}/${one.name} ${one.methodKind} ${one.input} ${one.output}`,
    ),
  );
  const values = file.enums.flatMap((kind) => kind.values.map((one) => `${one} = ${one.number}`));
  const fields = file.messages.flatMap((message) => message.fields.map(described));
  return [...methodLines, ...values, ...fields];
}

test("messages are those of the server", () => {
  const expected = [...served.files].filter((file) => file.proto.package === "doorbuster.v1");
  assert.ok(expected.length > 15);
  const got = new Map(
    Object.values(v1)
      .map((one) => (one as { file?: DescFile }).file ?? (one as DescFile))
      .filter((file) => (file as { kind?: string }).kind === "file")
      .map((file) => [file.name, file]),
  );
  assert.deepEqual([...got.keys()].sort(), expected.map((file) => file.name).sort());
  for (const file of expected) {
    const mine = got.get(file.name);
    assert.ok(mine);
    assert.deepEqual(allOf(mine), allOf(file));
  }
});

test("every unary method of the API is a method of the client", () => {
  const shop = new Doorbuster() as unknown as Record<string, unknown>;
  const names = methods.filter((one) => one.methodKind === "unary").map((one) => one.localName);
  assert.ok(names.length > 80);
  assert.equal(new Set(names).size, names.length, "no two services have a method of one name");
  for (const name of names) {
    assert.equal(typeof shop[name], "function", name);
  }
});

test("writes are those that the table of RPCs lists", () => {
  const table = readFileSync(join(repository, "docs/rpcs.md"), "utf8");
  const rows = table.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const listed = rows.filter((row) => row[1]?.includes("Service/"));
  const written = listed
    .filter((row) => row[4] === "yes")
    .map((row) => row[1]?.replaceAll("`", ""));
  const name = (one: (typeof methods)[number]) => `${one.parent.name}/${one.name}`;
  assert.deepEqual(
    methods.map(name).sort(),
    listed.map((row) => row[1]?.replaceAll("`", "")).sort(),
  );
  const streams = ["PurchaseService/PlaceOrders", "TrafficService/RecordTraffic"];
  // Acts on the webhook of one node are not in the log.
  const isOfNode = (one: string) => one.startsWith("WebhookService/");
  const expected = written.filter((one) => one && !streams.includes(one) && !isOfNode(one));
  assert.deepEqual(methods.filter(isWrite).map(name).sort(), expected.sort());
});
