// What somebody types about a target, and what of it the box is told. Pure.
import type { Contents, Hours, NewTarget, Place, Secrets, Target, TargetPatch } from "../../api/schema";
import { minuteOf, timeOfDay, type Kind } from "../../targets";

/** Everything that can be typed; only the fields of the kind count. */
export interface Draft {
  kind: Kind;
  name: string;
  path: string;
  mounted: boolean;
  endpoint: string;
  region: string;
  bucket: string;
  prefix: string;
  access_key: string;
  url: string;
  host: string;
  port: number | string;
  user: string;
  folder: string;
  host_key: string;
  secret_key: string;
  password: string;
  private_key: string;
  /** What opens an SSH server. */
  opens: "password" | "private_key";
  contents: Contents;
  rooms_all: boolean;
  rooms: string[];
  anytime: boolean;
  from: string;
  until: string;
  /** Empty: as fast as it goes. */
  megabits: number | string;
}

const NIGHT: Hours = { from: 22 * 60, until: 6 * 60 };

export function emptyDraft(kind: Kind): Draft {
  return {
    kind,
    name: "",
    path: "",
    mounted: true,
    endpoint: "",
    region: "",
    bucket: "",
    prefix: "",
    access_key: "",
    url: "",
    host: "",
    port: 22,
    user: "",
    folder: "",
    host_key: "",
    secret_key: "",
    password: "",
    private_key: "",
    opens: "password",
    contents: "films",
    rooms_all: true,
    rooms: [],
    anytime: true,
    from: timeOfDay(NIGHT.from),
    until: timeOfDay(NIGHT.until),
    megabits: "",
  };
}

export function draftOf(target: Target): Draft {
  const hours = target.hours ?? NIGHT;
  return {
    ...emptyDraft(target.place.kind),
    ...target.place,
    name: target.name,
    contents: target.contents,
    rooms_all: target.rooms.length === 0,
    rooms: target.rooms,
    anytime: target.hours === null,
    from: timeOfDay(hours.from),
    until: timeOfDay(hours.until),
    megabits: target.megabits ?? "",
  };
}

/** `saved`: how the box knows it, when it does. */
export function placeOf(draft: Draft, saved: Place | null): Place {
  const text = (field: { [K in keyof Draft]: Draft[K] extends string ? K : never }[keyof Draft]) =>
    draft[field].trim();
  switch (draft.kind) {
    case "folder":
      return { kind: "folder", path: text("path"), mounted: draft.mounted };
    case "s3":
      return {
        kind: "s3",
        endpoint: text("endpoint"),
        region: text("region"),
        bucket: text("bucket"),
        prefix: text("prefix"),
        access_key: text("access_key"),
      };
    case "webdav":
      return { kind: "webdav", url: text("url"), user: text("user") };
    case "sftp": {
      const [host, port] = [text("host"), Number(draft.port)];
      const known = saved?.kind === "sftp" ? saved : null;
      // Another server has another key; the old one would only keep it out.
      const moved = known !== null && (known.host !== host || (known.port ?? 22) !== port);
      const kept = text("host_key") === (known?.host_key ?? "");
      const host_key = moved && kept ? "" : text("host_key");
      return { kind: "sftp", host, port, user: text("user"), folder: text("folder"), host_key };
    }
  }
}

/** `null`: nothing was typed, and what the box has stays. */
export function secretsOf(draft: Draft): Secrets | null {
  const { kind, opens, secret_key, password, private_key } = draft;
  if (kind === "s3") return secret_key ? { secret_key } : null;
  if (kind === "webdav" || (kind === "sftp" && opens === "password")) {
    // The box keeps what is not named: whoever goes over to a password wants the key gone.
    const other = kind === "sftp" ? { private_key: "" } : {};
    return password ? { password, ...other } : null;
  }
  // Programs that read such a file want its last line to end.
  const key = private_key.trim();
  return kind === "sftp" && key ? { private_key: `${key}\n`, password: "" } : null;
}

function hoursOf({ anytime, from, until }: Draft): Hours | null {
  const [begin, end] = [minuteOf(from), minuteOf(until)];
  return anytime || begin === null || end === null ? null : { from: begin, until: end };
}

function rest(draft: Draft) {
  return {
    name: draft.name.trim(),
    contents: draft.contents,
    rooms: draft.rooms_all ? [] : draft.rooms,
    hours: hoursOf(draft),
    megabits: draft.megabits === "" ? null : Number(draft.megabits),
  };
}

export function newTarget(draft: Draft): NewTarget {
  return { ...rest(draft), place: placeOf(draft, null), secrets: secretsOf(draft) ?? {} };
}

/** Only what is different: all else on its way would begin anew for nothing. */
export function patchOf(draft: Draft, saved: Target): TargetPatch {
  const place = placeOf(draft, saved.place);
  const secrets = secretsOf(draft);
  const moved = !samePlace(place, saved.place);
  return { ...rest(draft), ...(moved && { place }), ...(secrets && { secrets }) };
}

/** The box may list fields in another order, or leave out those that are as usual. */
function samePlace(a: Place, b: Place): boolean {
  const whole = (place: Place) => {
    const fields = { ...emptyDraft(place.kind), ...place };
    return JSON.stringify(placeOf(fields, null));
  };
  return whole(a) === whole(b);
}

/** Everything is there that the box cannot do without. */
export function isComplete(draft: Draft, isNew: boolean): boolean {
  const typed = (...texts: string[]) => texts.every((text) => text.trim() !== "");
  const opened = !isNew || secretsOf(draft) !== null;
  const place = {
    folder: typed(draft.path),
    s3: typed(draft.bucket, draft.access_key) && opened,
    webdav: typed(draft.url),
    sftp: typed(draft.host, draft.user) && Number(draft.port) > 0 && opened,
  }[draft.kind];
  const rooms = draft.rooms_all || draft.rooms.length > 0;
  const hours = draft.anytime || (hoursOf(draft) !== null && draft.from !== draft.until);
  return typed(draft.name) && place && rooms && hours;
}
