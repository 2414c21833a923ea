// Writes the messages (src/v1) from the descriptors of the server, with protoc-gen-es. They are not in
// the repository, so they cannot fall behind: every build writes them.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const descriptors = join(root, "../../crates/wire/src/generated/doorbuster.v1.bin");
const files = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)).file;
const ours = files.filter((file) => file.package === "doorbuster.v1").map((file) => file.name);

const request = create(CodeGeneratorRequestSchema, {
  fileToGenerate: ours,
  parameter: "target=ts,import_extension=js",
  protoFile: files,
});
const plugin = join(root, "node_modules/.bin/protoc-gen-es");
const done = spawnSync(plugin, { input: toBinary(CodeGeneratorRequestSchema, request) });
if (done.status !== 0) {
  throw new Error(`${plugin} failed: ${done.stderr}`);
}
const made = fromBinary(CodeGeneratorResponseSchema, done.stdout);
if (made.error) {
  throw new Error(made.error);
}
const target = join(root, "src/v1");
for (const stale of [target, join(root, "dist")]) {
  rmSync(stale, { recursive: true, force: true });
}
mkdirSync(target);
for (const { name, content } of made.file) {
  writeFileSync(join(target, basename(name)), content);
}
const names = made.file.map(({ name }) => basename(name, ".ts")).sort();
const lines = names.map((name) => `export * from "./${name}.js";\n`);
writeFileSync(
  join(target, "index.ts"),
  `// All messages of the package doorbuster.v1.\n${lines.join("")}`,
);
