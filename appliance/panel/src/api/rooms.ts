// What holds in a room.
import { askAt, BASE } from "./client";
import type {
  NewRoomLink,
  NewRoomLinkSecret,
  Page,
  Room,
  RoomLink,
  RoomPin,
  RulesPatch,
} from "./schema";

const of = (room: string) => `${BASE}/rooms/${encodeURIComponent(room)}`;

export const rooms = {
  change: (room: string, rules: RulesPatch) => askAt<Room>(of(room), "PATCH", "", { rules }),
  pin: (room: string) => askAt<RoomPin>(of(room), "GET", "/pin"),
  /** Without a chosen one the box makes it. */
  changePin: (room: string, pin: string | undefined) =>
    askAt<RoomPin>(of(room), "PUT", "/pin", pin === undefined ? {} : { pin }),
  links: (room: string) => askAt<Page<RoomLink>>(of(room), "GET", "/links"),
  addLink: (room: string, link: NewRoomLink) =>
    askAt<NewRoomLinkSecret>(of(room), "POST", "/links", link),
  revokeLink: (room: string, link: string) =>
    askAt<undefined>(of(room), "DELETE", `/links/${encodeURIComponent(link)}`),
};

/** The address of a personal link; the secret goes where the room's invite goes. */
export const personalLink = (room: string, secret: string, origin: string): string =>
  `${origin}/meet/${encodeURIComponent(room)}#invite=${encodeURIComponent(secret)}`;
