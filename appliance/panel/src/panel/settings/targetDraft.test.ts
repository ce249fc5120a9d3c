import { describe, expect, test } from "vitest";
import type { Target } from "../../api/schema";
import { draftOf, emptyDraft, isComplete, newTarget, patchOf, placeOf, secretsOf } from "./targetDraft";

const sftp: Target = {
  id: "tgt_1",
  name: "NAS",
  place: { kind: "sftp", host_key: "SHA256:abc", host: "nas.lan", user: "ada", port: 22, folder: "" },
  has_secrets: true,
  contents: "films",
  rooms: ["room_1"],
  hours: { from: 1320, until: 360 },
  megabits: 20,
  enabled: true,
  since: "2026-01-01T00:00:00Z",
  tally: { waiting: 0, waiting_bytes: 0, delivered: 0, delivered_bytes: 0, given_up: 0, error: null },
  moving: null,
};

describe("a draft", () => {
  test("of a target says the same again, and nothing of what opens it", () => {
    expect(patchOf(draftOf(sftp), sftp)).toEqual({
      name: "NAS",
      contents: "films",
      rooms: ["room_1"],
      hours: { from: 1320, until: 360 },
      megabits: 20,
    });
  });

  test("takes limits away with null", () => {
    const draft = { ...draftOf(sftp), rooms_all: true, anytime: true, megabits: "" };
    expect(patchOf(draft, sftp)).toMatchObject({ rooms: [], hours: null, megabits: null });
  });

  test("of a new target says only what its kind has", () => {
    const draft = { ...emptyDraft("folder"), name: " Disk ", path: " /mnt/a ", password: "left over" };
    expect(newTarget(draft)).toEqual({
      name: "Disk",
      place: { kind: "folder", path: "/mnt/a", mounted: true },
      secrets: {},
      contents: "films",
      rooms: [],
      hours: null,
      megabits: null,
    });
  });
});

describe("the key of a server", () => {
  const draft = draftOf(sftp);
  const keyOf = (part: object) => placeOf({ ...draft, ...part }, sftp.place);
  test("stays with its server and is learned anew from another", () => {
    expect(keyOf({ folder: "/films" })).toMatchObject({ host_key: "SHA256:abc" });
    expect(keyOf({ host: "nas2.lan" })).toMatchObject({ host_key: "" });
    expect(keyOf({ port: 2222 })).toMatchObject({ host_key: "" });
    expect(keyOf({ host: "nas2.lan", host_key: "SHA256:new" })).toMatchObject({
      host_key: "SHA256:new",
    });
  });
});

describe("what opens a target", () => {
  test("is sent when it was typed, and only what counts", () => {
    expect(secretsOf(emptyDraft("s3"))).toBeNull();
    expect(secretsOf({ ...emptyDraft("s3"), secret_key: "s", password: "p" })).toEqual({ secret_key: "s" });
    expect(secretsOf({ ...emptyDraft("webdav"), password: " p " })).toEqual({ password: " p " });
    const both = { ...emptyDraft("sftp"), password: "p", private_key: "\nKEY\n\n" };
    // The box keeps what is not named: the other one must go.
    expect(secretsOf(both)).toEqual({ password: "p", private_key: "" });
    expect(secretsOf({ ...both, opens: "private_key" })).toEqual({ private_key: "KEY\n", password: "" });
    expect(secretsOf({ ...emptyDraft("folder"), password: "p" })).toBeNull();
  });
});

describe("a draft is complete", () => {
  const named = (kind: Target["place"]["kind"], part: object) => ({ ...emptyDraft(kind), name: "A", ...part });
  test("with what its kind needs", () => {
    expect(isComplete(named("folder", { path: "/mnt/a" }), true)).toBe(true);
    expect(isComplete(named("folder", { path: "/mnt/a", name: " " }), true)).toBe(false);
    expect(isComplete(named("s3", { bucket: "b", access_key: "k" }), true)).toBe(false);
    expect(isComplete(named("s3", { bucket: "b", access_key: "k", secret_key: "s" }), true)).toBe(true);
    expect(isComplete(named("webdav", { url: "https://a" }), true)).toBe(true);
    expect(isComplete(draftOf(sftp), false)).toBe(true);
    expect(isComplete({ ...draftOf(sftp), port: "" }, false)).toBe(false);
  });

  test("with rooms and hours that say something", () => {
    const draft = draftOf(sftp);
    expect(isComplete({ ...draft, rooms: [] }, false)).toBe(false);
    expect(isComplete({ ...draft, until: draft.from }, false)).toBe(false);
    expect(isComplete({ ...draft, until: "" }, false)).toBe(false);
    expect(isComplete({ ...draft, until: "", anytime: true }, false)).toBe(true);
  });
});
