import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { auditLog } from "./auditLog.en";

interface Operation {
  operationId: string;
}

const read = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), "utf8");

/** Operations of which the box keeps no row: as `noted.rs` has them. */
function unremarkable(): string[] {
  const list = read("appliance/api/src/panel/noted.rs").match(/const UNREMARKABLE:[^=]*= \[([^\]]*)\]/)?.[1] ?? "";
  return [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name as string);
}

/** Operations whose requests leave a row: what people do in meetings is theirs, as `noted.rs` says. */
function noted(): string[] {
  const { paths } = JSON.parse(read("docs/api/openapi.json")) as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths)
    .filter(([path]) => !path.startsWith("/api/v1/meeting"))
    .flatMap(([, methods]) => Object.entries(methods))
    .filter(([method]) => ["post", "put", "patch", "delete"].includes(method))
    .map(([, { operationId }]) => operationId)
    .filter((name) => !unremarkable().includes(name));
}

it("has words for whatever changes something", () => {
  expect(unremarkable()).toContain("certificate_preview");
  expect(noted()).toContain("backup_cancel");
  expect(noted()).not.toContain("poll_ask");
  expect(noted().filter((name) => !(name in auditLog.actions))).toEqual([]);
});

it("has words for no operation that is gone, but for those that the box does by itself", () => {
  const itself = ["oidc_callback", "database_mended", "backup_restored", "restore_undone", "restore_given_up"];
  const known = [...noted(), ...itself];
  expect(Object.keys(auditLog.actions).filter((name) => !known.includes(name))).toEqual([]);
});

it("names no two operations alike: people choose among them", () => {
  const words = Object.values(auditLog.actions);
  expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([]);
});
