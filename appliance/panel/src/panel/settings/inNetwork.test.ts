import { expect, test } from "vitest";
import { isInNetwork } from "./inNetwork";

test.each([
  "http://192.168.1.20/hook",
  " http://10.0.0.1:8080 ",
  "https://172.16.0.1",
  "https://172.31.9.9",
  "http://[fd12::1]/",
  "http://nas.local/",
  "http://plugnmeet:8080/webhook",
  "https://Moodle.home.arpa",
])("%s is in the own network", (url) => expect(isInNetwork(url)).toBe(true));

test.each([
  "",
  "192.168.1.20",
  "https://example.org",
  "https://10.example.org",
  "https://172.32.0.1",
  "https://192.169.1.1",
  "https://1.1.1.1",
  "https://[2001:db8::1]/",
  "https://local.example.org/10.0.0.1",
])("%s does not show that it is", (url) => expect(isInNetwork(url)).toBe(false));
