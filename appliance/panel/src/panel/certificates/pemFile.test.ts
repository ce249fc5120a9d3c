import { describe, expect, it } from "vitest";
import { readBytes, readPem } from "./pemFile";

describe("a file that should hold a certificate", () => {
  it("is text, and neither DER nor an archive", async () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    expect(await readPem(new Blob([pem]))).toEqual({ text: pem });
    expect(readBytes(new Uint8Array([0x30, 0x82, 0x01, 0x0a]))).toEqual({ problem: "binary" });
    expect(readBytes(new Uint8Array([0x50, 0x4b, 0x00, 0x04]))).toEqual({ problem: "binary" });
  });

  it("is not read when it is too large", async () => {
    expect(await readPem(new Blob([new Uint8Array(10 * 1024 * 1024)]))).toEqual({ problem: "large" });
  });
});
