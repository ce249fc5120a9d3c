// A file that should hold PEM. Pure but for reading it.

/** More is no certificate. */
const MOST = 64 * 1024;

export type ReadFile = { text: string } | { problem: "binary" | "large" };

/** What stands in it, or why that cannot be a certificate. */
export async function readPem(file: Blob): Promise<ReadFile> {
  if (file.size > MOST) return { problem: "large" };
  return readBytes(new Uint8Array(await file.arrayBuffer()));
}

export function readBytes(bytes: Uint8Array): ReadFile {
  // DER and PKCS#12 begin with a sequence (X.690 §8.9), and have bytes that no text has.
  if (bytes[0] === 0x30 || bytes.includes(0)) return { problem: "binary" };
  return { text: new TextDecoder().decode(bytes) };
}
