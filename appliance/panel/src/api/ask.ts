// Asking the box by HTTP. Failures become a `Refusal` with the box's own code, which the pages
// translate; nothing else throws.
import type { Problem } from "./schema";

export const BASE = "/api/v1";

/** Why the box did not do what was asked. `unreachable` is ours: no answer came at all. */
export class Refusal extends Error {
  /** When it came, in milliseconds since 1970. */
  readonly at = Date.now();

  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(problem.message);
    this.name = "Refusal";
  }

  get code(): string {
    return this.problem.code;
  }
}

/** Whoever began an upload has ended it, too. */
export const ABORTED = "aborted";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Asks for something that does not lie below `BASE`. */
export async function askAt<T>(
  base: string,
  method: Method,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(base + path, {
      method,
      credentials: "same-origin",
      headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (cause) {
    throw new Refusal(0, { code: "unreachable", message: String(cause) });
  }
  if (!response.ok) throw await refusalOf(response);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const retryAfter = Number(response.headers.get("retry-after"));
  const seconds = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null;
  try {
    const problem = (await response.json()) as Partial<Problem>;
    if (typeof problem.code === "string") {
      return new Refusal(
        response.status,
        { message: "", ...problem, code: problem.code },
        seconds,
      );
    }
  } catch {
    // Not JSON: a proxy answered, or the box is only starting.
  }
  const message = `${response.status} ${response.statusText}`.trim();
  return new Refusal(response.status, { code: `http_${response.status}`, message }, seconds);
}

/** Sends a file with news of how far it is; whoever aborts gets a `Refusal` of the code `aborted`. */
export function upload<T>(
  path: string,
  file: File,
  progress: (sent: number) => void,
  signal: AbortSignal,
  headers: Record<string, string> = {},
  method: Method = "PUT",
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const broke = (code: string) => () =>
      reject(new Refusal(0, { code, message: "the upload broke off" }));
    request.upload.onprogress = ({ loaded }) => progress(loaded);
    request.onerror = broke("unreachable");
    request.onabort = broke(ABORTED);
    request.onload = () => {
      const { status, statusText, responseText } = request;
      if (status >= 200 && status < 300) {
        resolve((responseText === "" ? undefined : JSON.parse(responseText)) as T);
        return;
      }
      const response = new Response(responseText, { status: status || 500, statusText });
      void refusalOf(response).then(reject);
    };
    signal.addEventListener("abort", () => request.abort());
    request.open(method, BASE + path);
    request.setRequestHeader("content-type", "application/octet-stream");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(file);
  });
}
