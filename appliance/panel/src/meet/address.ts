// What the address says: /meet/<room>#invite=<secret>. Pure.

export interface MeetingAddress {
  room: string;
  invite: string | null;
}

export function meetingAddress(path: string, hash: string): MeetingAddress | null {
  const room = /^\/meet\/([^/]+)\/?$/.exec(path)?.[1];
  if (!room) return null;
  const invite = new URLSearchParams(hash.replace(/^#/, "")).get("invite");
  return { room: decodeURIComponent(room), invite: invite === "" ? null : invite };
}

/** Whether a personal link gave the token. */
export function cameByLink(token: string): boolean {
  return (claimsOf(token)?.link ?? "") !== "";
}

/** Whether the token makes its bearer a moderator; the box checks again, this only shows buttons. */
export function moderates(token: string): boolean {
  return claimsOf(token)?.video?.roomAdmin === true;
}

interface Claims {
  video?: { roomAdmin?: boolean };
  link?: string;
}

function claimsOf(token: string): Claims | null {
  const payload = token.split(".")[1];
  if (!payload) return null;
  try {
    return JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/"))) as Claims;
  } catch {
    return null;
  }
}
