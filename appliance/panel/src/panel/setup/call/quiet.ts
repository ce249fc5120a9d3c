// Where a test call may be held: nowhere that the schedule records by itself. There the test's own joining would
// begin a recording that is not its own, and ending one would end it for those who come later.
import { api } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { Recording, Room, ScheduledEvent } from "../../../api/schema";

/** A test, its film and its judgement are over by then. */
export const SOON_MS = 10 * 60_000;
const DAY_MS = 24 * 3_600_000;

export const aroundNow = {
  queryKey: [...keys.schedule, "around"],
  queryFn: async (): Promise<ScheduledEvent[]> => {
    const at = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
    return (await api.schedule(at(-1), at(1))).items;
  },
};

type Keeps = Pick<Room, "id" | "record_always">;
type Planned = Pick<ScheduledEvent, "room_id" | "starts_at" | "ends_at" | "state" | "recording">;

/** Something is recorded there by itself, now or soon. `now`: milliseconds, by this device's clock. */
export function recordsItself(room: Keeps, planned: Planned[], now: number): boolean {
  // What the box itself counts as on is on, whatever this device takes the time for.
  const isOn = ({ state }: Planned) => state === "waiting" || state === "recording";
  const isNear = ({ starts_at, ends_at }: Planned) =>
    Date.parse(starts_at) < now + SOON_MS && now < Date.parse(ends_at);
  return room.record_always || planned.some((event) => event.room_id === room.id && (isOn(event) || isNear(event)));
}

/** The schedule has taken the recording for one of its own: deleting it would end what is planned. */
export async function isTheSchedules(recording: Recording): Promise<boolean> {
  const [room, planned] = await Promise.all([api.room(recording.room_id), aroundNow.queryFn()]);
  return room.record_always || planned.some((event) => event.recording === recording.id);
}

/** A name that no room has: `name`, or with the first number that is free. */
export function freeName(name: string, rooms: Pick<Room, "name">[]): string {
  const taken = new Set(rooms.map((room) => room.name.toLowerCase()));
  let free = name;
  for (let number = 2; taken.has(free.toLowerCase()); number += 1) free = `${name} ${String(number)}`;
  return free;
}
