import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { audit } from "./audit.en";

interface Operation {
  operationId: string;
  tags: string[];
}

it("has words for whatever changes something about backups", () => {
  const file = new URL("../../../../docs/api/openapi.json", import.meta.url);
  const { paths } = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, Record<string, Operation>> };
  const changing = Object.values(paths)
    .flatMap((path) => Object.entries(path))
    .filter(([method, { tags }]) => method !== "get" && tags.includes("backups"))
    .map(([, { operationId }]) => operationId);
  expect(changing).toContain("backup_cancel");
  expect(changing.filter((name) => !(name in audit.actions))).toEqual([]);
});
