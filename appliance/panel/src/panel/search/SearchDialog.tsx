// Finds pages, settings, rooms, recordings and people, as far as whoever looks may open them. A combobox with a
// list below (WAI-ARIA 1.2, "combobox"): the focus stays in the field, arrows choose, Enter opens.
import { Modal, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAdjustments, IconDoor, IconFile, IconMovie, IconSearch, IconUser, type Icon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { Name } from "../../Name";
import { isolated } from "../../direction";
import { api } from "../../api/client";
import { keys as cached } from "../../api/keys";
import type { Action } from "../../api/schema";
import type { search as words } from "../../i18n/search.en";
import { askedFor, EVERYTHING, LONGEST_TEXT } from "../../library";
import { find } from "../../search";
import { Failure } from "../parts/Failure";
import { useMay, useSession } from "../session";
import { useFormat } from "../wording";
import { PAGES, SETTINGS } from "./places";

const KINDS = ["page", "setting", "room", "recording", "person"] as const;
const PICTURES: Record<Kind, Icon> = {
  page: IconFile,
  setting: IconAdjustments,
  room: IconDoor,
  recording: IconMovie,
  person: IconUser,
};
/** Of each kind at most. */
const MOST = 6;
const TYPING_MS = 200;

type Kind = (typeof KINDS)[number];
type Also = keyof typeof words.also;

interface Result {
  /** Which it is, wherever it stands in the list. */
  id: string;
  kind: Kind;
  name: string;
  within?: string;
  also?: string;
  to: string;
}

export interface SearchDialogProps {
  opened: boolean;
  close: () => void;
  /** It closes because somebody goes to what was found, there. */
  chosen: (to: string) => void;
  /** What opens it. */
  keys: string;
}

export function SearchDialog({ opened, close, chosen, keys }: SearchDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  return (
    <Modal
      opened={opened}
      onClose={close}
      returnFocus={false}
      title={t("search.title")}
      size="lg"
      centered={false}
      yOffset="8dvh"
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Search chosen={chosen} keys={keys} />
    </Modal>
  );
}

function Search({ chosen: leave, keys }: Pick<SearchDialogProps, "chosen" | "keys">) {
  const { t } = useTranslation("panel");
  const [, go] = useLocation();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const { results, settled, error, retry } = useResults(text.trim());
  const at = Math.max(0, results.findIndex((result) => result.id === chosen));
  // What is marked stays so when others come before it.
  if (results[at] && results[at].id !== chosen) setChosen(results[at].id);
  const option = (index: number) => `${id}-${index}`;

  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, results]);

  const open = (result: Result | undefined) => {
    if (!result) return;
    leave(result.to);
    go(result.to);
  };
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && results.length > 0) {
      event.preventDefault();
      setChosen(results[(at + step + results.length) % results.length]?.id ?? null);
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(results[at]);
    }
  };
  const groups = KINDS.map((kind) => ({
    kind,
    found: results.flatMap((result, index) => (result.kind === kind ? [{ result, index }] : [])),
  })).filter(({ found }) => found.length > 0);
  const asked = text.trim() !== "";

  return (
    <div onKeyDown={pressed}>
      <TextInput
        data-autofocus
        type="search"
        role="combobox"
        aria-expanded={results.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={results.length > 0 ? option(at) : undefined}
        autoComplete="off"
        label={t("search.label")}
        leftSection={<IconSearch size={18} aria-hidden />}
        maxLength={LONGEST_TEXT}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(null);
        }}
      />
      <VisuallyHidden role="status">
        {asked && settled && !error && t("search.found", { count: results.length })}
      </VisuallyHidden>
      <div id={`${id}-list`} ref={list} className="search-list" role="listbox" aria-label={t("search.title")}>
        {groups.map(({ kind, found }) => (
          <div key={kind} role="group" aria-labelledby={`${id}-${kind}`}>
            <Text id={`${id}-${kind}`} size="xs" fw={600} c="dimmed" role="presentation" className="search-kind">
              {t(`search.kind.${kind}`)}
            </Text>
            {found.map(({ result, index }) => {
              const Picture = PICTURES[kind];
              return (
                <div
                  key={result.id}
                  id={option(index)}
                  role="option"
                  aria-selected={index === at}
                  className="search-option"
                  onMouseMove={() => setChosen(result.id)}
                  onClick={() => open(result)}
                >
                  <Picture size={18} aria-hidden />
                  <span className="search-name"><Name>{result.name}</Name></span>
                  {result.within && <span className="search-within">{result.within}</span>}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      {asked && error && <Failure error={error} retry={retry} />}
      {asked && settled && !error && results.length === 0 && (
        <>
          <Text fw={500} style={{ overflowWrap: "anywhere" }}>
            {t("search.none", { text: text.trim() })}
          </Text>
          <Text size="sm" c="dimmed">
            {t("search.none_text")}
          </Text>
        </>
      )}
      {!asked && (
        <Text size="sm" c="dimmed" visibleFrom="sm">
          {t("search.keys", { key: keys })}
        </Text>
      )}
    </div>
  );
}

interface Found {
  results: Result[];
  /** Everything that can be found for the text is there. */
  settled: boolean;
  /** Why something of it is not. */
  error: Error | null;
  retry: () => void;
}

function useResults(text: string): Found {
  const { t } = useTranslation("panel");
  const may = useMay();
  const managed = useSession().data?.identity?.managed ?? false;
  const format = useFormat();
  const [typed] = useDebouncedValue(text, TYPING_MS);
  const rooms = useQuery({ queryKey: cached.rooms, queryFn: api.rooms, enabled: may("see") });
  const people = useQuery({ queryKey: cached.people, queryFn: api.people, enabled: may("run_people") });
  const asked = askedFor({ ...EVERYTHING, text: typed }).toString();
  const recordings = useQuery({
    queryKey: [...cached.recordingsListed, "search", asked],
    queryFn: () => api.recordings(asked, null),
    enabled: may("watch") && typed !== "",
  });
  const sources = [
    ...(may("see") ? [rooms] : []),
    ...(may("run_people") ? [people] : []),
    ...(may("watch") && typed !== "" ? [recordings] : []),
  ];
  const failed = sources.filter((source) => source.error !== null && !source.isFetching);

  const allowed = <T extends object>(places: readonly T[]) =>
    places.filter((place) => (!("needs" in place) || may(place.needs as Action)) && !("own" in place && managed));
  const alike = (place: object) => ("also" in place ? t(`search.also.${place.also as Also}`) : "");
  const pages: Result[] = allowed(PAGES).map((page) => ({
    id: page.to,
    kind: "page",
    name: t(page.words),
    also: alike(page),
    to: page.to,
  }));
  const settings: Result[] = allowed(SETTINGS).map((setting) => ({
    id: `${setting.to} ${setting.words}`,
    kind: "setting",
    name: t(setting.words),
    within: setting.card === setting.words ? "" : t(setting.card),
    also: alike(setting),
    to: "whole" in setting ? setting.to : `${setting.to}?find=${setting.words}`,
  }));
  const named: Result[] = [
    ...(rooms.data?.items ?? []).map(({ id, name }): Result => ({ id, kind: "room", name, to: `/rooms/${id}` })),
    ...(may("run_people") ? (people.data?.items ?? []) : []).map(
      ({ id, name, role }): Result => ({
        id,
        kind: "person",
        name,
        within: t(`people_page.role.${role}`),
        to: "/settings/people",
      }),
    ),
  ];
  // Of the text that stands there: others would not be what it asks for.
  const films = (typed === "" || typed !== text ? [] : (recordings.data?.items ?? [])).slice(0, MOST);
  const results = [
    ...find(pages, text, MOST),
    ...find(settings, text, MOST),
    ...find(named.filter(({ kind }) => kind === "room"), text, MOST),
    // The box looks for these: by title, room and people.
    ...films.map(
      (film): Result => ({
        id: film.id,
        kind: "recording",
        name: film.title,
        within: `${isolated(film.room_name)} · ${format.dateTime(film.started_at)}`,
        to: `/recordings/${film.id}`,
      }),
    ),
    ...find(named.filter(({ kind }) => kind === "person"), text, MOST),
  ];
  return {
    results,
    settled: typed === text && !sources.some((source) => source.isPending),
    error: failed[0]?.error ?? null,
    retry: () => failed.forEach((source) => void source.refetch()),
  };
}
