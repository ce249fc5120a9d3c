// What holds in a room.
import { askAt, BASE } from "./client";
import type { Room, RoomPin, RulesPatch } from "./schema";

const of = (room: string) => `${BASE}/rooms/${encodeURIComponent(room)}`;

export const rooms = {
  change: (room: string, rules: RulesPatch) => askAt<Room>(of(room), "PATCH", "", { rules }),
  pin: (room: string) => askAt<RoomPin>(of(room), "GET", "/pin"),
  /** Without a chosen one the box makes it. */
  changePin: (room: string, pin: string | undefined) =>
    askAt<RoomPin>(of(room), "PUT", "/pin", pin === undefined ? {} : { pin }),
};
