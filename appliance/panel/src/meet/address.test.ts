import { expect, test } from "vitest";
import { meetingAddress, moderates } from "./address";

test("an invite link names room and secret", () => {
  expect(meetingAddress("/meet/rm_1", "#invite=a%2Fb")).toEqual({ room: "rm_1", invite: "a/b" });
  expect(meetingAddress("/meet/rm_1/", "")).toEqual({ room: "rm_1", invite: null });
  expect(meetingAddress("/meet/", "#invite=x")).toBeNull();
  expect(meetingAddress("/meet/rm_1/more", "")).toBeNull();
});

test("a token shows who moderates", () => {
  const token = (claims: object) => `e.${btoa(JSON.stringify(claims))}.s`;
  expect(moderates(token({ video: { roomAdmin: true } }))).toBe(true);
  expect(moderates(token({ video: { roomJoin: true } }))).toBe(false);
  expect(moderates("nonsense")).toBe(false);
  expect(moderates("a.%%%.c")).toBe(false);
});
