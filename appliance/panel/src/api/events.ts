// Follows the box's event socket and feeds the cache. One socket a page; it comes back by itself.
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { BASE } from "./client";
import { keys, type Key } from "./keys";
import {
  backoffMs,
  changesOf,
  withJob,
  withOutput,
  withSample,
  withWebhook,
  type Change,
  type SampledStatus,
} from "./reduce";
import type { EventMessage, Job, LiveOutput, Page, Updates, Webhook } from "./schema";

export interface Link {
  live: boolean;
  /** When the box was last heard, in the browser's clock; null before the first word. */
  lastHeard: number | null;
}

/** The box samples its status every 2 s: three missed samples mean that nobody is there. */
const SILENCE_MS = 7_000;
/** How the box closes the socket of whoever may listen no more (RFC 6455 §7.4.1). */
const SIGNED_OUT = 1008;
/** People who join together must not make ten requests. */
const COALESCE_MS = 120;

let link: Link = { live: false, lastHeard: null };
const listeners = new Set<() => void>();

function setLink(next: Link) {
  const changed = next.live !== link.live;
  link = next;
  if (changed) for (const listener of listeners) listener();
}

/** Whether the page is live. Renders only when that changes; `lastHeard` is read then. */
export function useLink(): Link {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => link.live,
  )
    ? { ...link, live: true }
    : { ...link, live: false };
}

/** Opens the socket; the answer ends it. */
export function followEvents(cache: QueryClient): () => void {
  let socket: WebSocket | null = null;
  let lastSeq: number | null = null;
  let failures = 0;
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const refetcher = coalesced(cache);

  function open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const after = lastSeq === null ? "" : `?after=${lastSeq}`;
    const opened = new WebSocket(`${scheme}//${location.host}${BASE}/events${after}`);
    socket = opened;
    opened.onmessage = (message: MessageEvent<string>) => heard(message.data);
    opened.onclose = ({ code }) => {
      // Whoever is signed out elsewhere sees it at once.
      if (code === SIGNED_OUT) void cache.invalidateQueries({ queryKey: keys.session });
      if (socket === opened) lost();
    };
    watchSilence();
  }

  function heard(text: string) {
    watchSilence();
    const event = parse(text);
    if (event === null) return;
    if (event.type === "hello") {
      // Volatile events are never repeated, so a page that was away asks for everything it shows.
      if (link.lastHeard !== null) refetcher.all();
      if (lastSeq === null || event.seq < lastSeq) lastSeq = event.seq;
      failures = 0;
    } else if ("seq" in event && event.seq !== undefined) {
      lastSeq = event.seq;
    }
    setLink({ live: true, lastHeard: Date.now() });
    for (const change of changesOf(event)) apply(cache, change, refetcher);
  }

  function watchSilence() {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE_MS);
  }

  function lost() {
    clearTimeout(silence);
    const closing = socket;
    socket = null;
    closing?.close();
    if (ended) return;
    setLink({ ...link, live: false });
    clearTimeout(timer);
    timer = setTimeout(open, backoffMs(failures));
    failures += 1;
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    refetcher.end();
    lost();
  };
}

function parse(text: string): EventMessage | null {
  try {
    const event: unknown = JSON.parse(text);
    const named = typeof event === "object" && event !== null && "type" in event;
    return named ? (event as EventMessage) : null;
  } catch {
    return null;
  }
}

interface Refetcher {
  add(key: Key): void;
  all(): void;
  end(): void;
}

function coalesced(cache: QueryClient): Refetcher {
  const waiting = new Map<string, Key>();
  let everything = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush() {
    timer = undefined;
    if (everything) void cache.invalidateQueries();
    else for (const key of waiting.values()) void cache.invalidateQueries({ queryKey: key });
    everything = false;
    waiting.clear();
  }
  const soon = () => {
    timer ??= setTimeout(flush, COALESCE_MS);
  };
  return {
    add(key) {
      waiting.set(key.join("/"), key);
      soon();
    },
    all() {
      everything = true;
      soon();
    },
    end() {
      clearTimeout(timer);
    },
  };
}

function apply(cache: QueryClient, change: Change, refetcher: Refetcher) {
  switch (change.do) {
    case "refetch":
      refetcher.add(change.key);
      break;
    case "refetch_all":
      refetcher.all();
      break;
    case "put_job":
      cache.setQueryData<Page<Job>>(keys.jobs, (page) =>
        page ? { ...page, items: withJob(page.items, change.job) } : page,
      );
      break;
    case "put_webhook":
      cache.setQueryData<Page<Webhook>>(keys.webhooks, (page) =>
        page ? { ...page, items: withWebhook(page.items, change.webhook) } : page,
      );
      break;
    case "put_output":
      cache.setQueryData<Page<LiveOutput>>(keys.outputsOf(change.output.room), (page) =>
        page ? { ...page, items: withOutput(page.items, change.output) } : page,
      );
      break;
    case "put_update":
      cache.setQueryData<Updates>(keys.updates, (updates) =>
        updates ? { ...updates, now: change.now } : updates,
      );
      break;
    case "put_status":
      cache.setQueryData<SampledStatus>(keys.status, (status) =>
        status ? withSample(status, change.sample, change.at) : status,
      );
      break;
  }
}
