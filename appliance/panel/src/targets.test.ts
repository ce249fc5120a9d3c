import { describe, expect, test } from "vitest";
import type { Copy, Target } from "./api/schema";
import { copiesByTarget, isBusy, isOpen, minuteOf, stateOf, timeOfDay, whereOf } from "./targets";

const NOON = 12 * 60;

const target: Target = {
  id: "tgt_1",
  name: "NAS",
  place: { kind: "folder", path: "/run/media/disk", mounted: true },
  has_secrets: false,
  contents: "films",
  rooms: [],
  hours: null,
  megabits: null,
  enabled: true,
  since: "2026-01-01T00:00:00Z",
  tally: { waiting: 0, waiting_bytes: 0, delivered: 0, delivered_bytes: 0, given_up: 0, error: null },
  moving: null,
};

describe("hours", () => {
  test.each([
    [0, "00:00"],
    [450, "07:30"],
    [1439, "23:59"],
  ])("minute %d is %s, both ways", (minute, text) => {
    expect(timeOfDay(minute)).toBe(text);
    expect(minuteOf(text)).toBe(minute);
  });

  test.each(["", "7:30", "24:00", "12:60", "12:30:00"])("%j is no time", (text) =>
    expect(minuteOf(text)).toBeNull(),
  );

  test("may reach over midnight", () => {
    const night = { from: 1320, until: 360 };
    expect([1319, 1320, 1439, 0, 359, 360].map((minute) => isOpen(night, minute))).toEqual([
      false, true, true, true, true, false,
    ]);
    expect([479, 480, 1020].map((minute) => isOpen({ from: 480, until: 1020 }, minute))).toEqual([
      false, true, false,
    ]);
    expect(isOpen(null, 0)).toBe(true);
  });
});

describe("a target", () => {
  const tally = (part: Partial<Target["tally"]>) => ({ tally: { ...target.tally, ...part } });
  const moving = { recording: "rec_1", file: "film.mp4", sent: 1, bytes: 2 };
  const night = { hours: { from: 1320, until: 360 } };
  test.each<[string, Partial<Target>]>([
    ["off", { enabled: false, ...tally({ waiting: 2, error: "no route" }) }],
    ["sending", { moving, ...tally({ waiting: 2, error: "no route" }) }],
    ["failing", tally({ waiting: 2, error: "no route" })],
    ["failing", tally({ given_up: 1, delivered: 4 })],
    ["later", { ...night, ...tally({ waiting: 2 }) }],
    ["waiting", tally({ waiting: 2 })],
    ["copied", { ...night, ...tally({ delivered: 2 }) }],
    ["quiet", {}],
  ])("is %s", (state, part) => expect(stateOf({ ...target, ...part }, NOON)).toBe(state));

  test("is asked about again while something may move", () => {
    expect(isBusy({ ...target, moving })).toBe(true);
    expect(isBusy({ ...target, ...tally({ waiting: 1 }) })).toBe(true);
    expect(isBusy({ ...target, ...tally({ waiting: 1 }), enabled: false })).toBe(false);
    expect(isBusy({ ...target, ...tally({ given_up: 1 }) })).toBe(false);
  });

  test.each<[Target["place"], string, string | null]>([
    [{ kind: "folder", path: "/mnt/a" }, "/mnt/a", null],
    [{ kind: "s3", bucket: "films", access_key: "k" }, "films", "AWS"],
    [
      { kind: "s3", endpoint: "http://minio.lan:9000/", bucket: "films", prefix: "/box/", access_key: "k" },
      "films/box",
      "minio.lan:9000",
    ],
    [{ kind: "webdav", url: "https://cloud.lan/dav/", user: "ada" }, "ada@cloud.lan/dav", null],
    [{ kind: "webdav", url: "http://cloud.lan" }, "cloud.lan", null],
    [{ kind: "sftp", host: "nas.lan", user: "ada", port: 22, folder: "/films" }, "ada@nas.lan:/films", null],
    [{ kind: "sftp", host: "nas.lan", user: "ada", port: 2222 }, "ada@nas.lan (2222)", null],
  ])("of %j is at %s, %s", (place, what, at) => expect(whereOf(place)).toEqual({ what, at }));
});

describe("copies of a recording", () => {
  const copy: Copy = {
    target: "tgt_1",
    file: "derived/job_1/film.mp4",
    name: "2026-11-28_1405_Library_rec_1/derived/job_1/film.mp4",
    bytes: 900,
    sha256: "ab",
    state: "delivered",
    sent: null,
    attempts: 1,
    next_at: null,
    error: null,
    delivered_at: "2026-01-01T10:00:00Z",
  };
  const waits: Copy = { ...copy, file: "b", name: "b", bytes: 100, state: "waiting", delivered_at: null };
  const only = (...copies: Copy[]) => copiesByTarget(copies)[0];

  test("stand by target, in order", () => {
    const seen = copiesByTarget([copy, { ...copy, target: "tgt_0" }, waits]);
    expect(seen.map(({ target, copies }) => [target, copies.length])).toEqual([
      ["tgt_1", 2],
      ["tgt_0", 1],
    ]);
    expect(copiesByTarget([])).toEqual([]);
  });

  test("are there when all are", () => {
    const later = { ...copy, delivered_at: "2026-01-01T11:00:00+02:00" };
    expect(only(later, copy)).toMatchObject({
      state: "there",
      bytes: 1800,
      done: 100,
      deliveredAt: copy.delivered_at,
      folder: "2026-11-28_1405_Library_rec_1",
    });
    expect(only({ ...copy, bytes: 0 })).toMatchObject({ state: "there", done: 100 });
  });

  test("count what the target has of the one being sent", () => {
    expect(only(copy, { ...waits, sent: 50 })).toMatchObject({
      state: "sending",
      done: 95,
      waiting: 0,
      folder: null,
    });
  });

  test("say when they are tried again, and why", () => {
    const soon = { ...waits, next_at: "2026-01-01T10:01:00Z" };
    expect(only(copy, soon)).toMatchObject({ state: "waiting", waiting: 1, nextAt: soon.next_at });
    const failed = { ...waits, next_at: "2026-01-01T12:00:00Z", attempts: 9, error: "no route" };
    expect(only(soon, failed)).toMatchObject({
      state: "failing",
      waiting: 2,
      nextAt: soon.next_at,
      error: "no route",
    });
  });

  test("are given up when nothing else waits", () => {
    const given: Copy = { ...waits, state: "given_up", error: "no route" };
    expect(only(copy, given)).toMatchObject({ state: "given_up", givenUp: 1, error: "no route" });
    expect(only(waits, given)).toMatchObject({ state: "failing" });
  });
});
