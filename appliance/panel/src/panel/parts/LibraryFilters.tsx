// What is looked for in the library. On a phone the filters unfold.
import { Button, Collapse, Group, Select, SimpleGrid, TextInput } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconSearch, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { LONGEST_TEXT, STATES, narrowing, type Filter } from "../../library";

/** Who types is not asked for each letter. */
const TYPING_MS = 250;

interface LibraryFiltersProps {
  filter: Filter;
  /** Days are chosen in the calendar there. */
  dated: boolean;
  change: (filter: Filter) => void;
  clear: () => void;
}

export function LibraryFilters({ filter, dated, change, clear }: LibraryFiltersProps) {
  const { t } = useTranslation("panel");
  const count = narrowing(filter);
  const wide = useMediaQuery("(min-width: 48em)", true, { getInitialValueInEffect: false });
  const [open, toggle] = useDisclosure(count > 0);
  const rooms = useQuery({ queryKey: keys.recordedRooms, queryFn: api.recordedRooms });
  const known = rooms.data?.items ?? [];
  // A link may name a room whose recordings are gone.
  const names = filter.room && !known.includes(filter.room) ? [filter.room, ...known] : known;
  const set = (part: Partial<Filter>) => change({ ...filter, ...part });

  return (
    <search className="library-search" aria-label={t("library.text")}>
      <Group gap="sm" wrap="nowrap" align="flex-end">
        <Words text={filter.text} change={(text) => set({ text })} />
        {!wide && (
          <Button
            variant="default"
            aria-expanded={open}
            aria-controls="library-filters"
            leftSection={<IconAdjustmentsHorizontal size={18} aria-hidden />}
            onClick={toggle.toggle}
          >
            {count > 0 ? t("library.filters_on", { count }) : t("library.filters")}
          </Button>
        )}
      </Group>
      <Collapse expanded={wide || open} id="library-filters">
        <SimpleGrid cols={{ base: 1, xs: 2, sm: dated ? 4 : 2 }} spacing="sm" mt="sm">
          <Select
            label={t("library.room")}
            placeholder={t("library.room_any")}
            data={names}
            value={filter.room || null}
            clearable
            searchable
            onChange={(room) => set({ room: room ?? "" })}
          />
          <Select
            label={t("library.state")}
            placeholder={t("library.state_any")}
            data={STATES.map((value) => ({ value, label: t(`recording.state.${value}`) }))}
            value={filter.state || null}
            clearable
            onChange={(state) => set({ state: STATES.find((one) => one === state) ?? "" })}
          />
          {dated && (
            <>
              <TextInput
                type="date"
                label={t("library.from")}
                value={filter.from}
                min="1970-01-01"
                max="9999-12-30"
                onChange={(event) => set({ from: event.currentTarget.value })}
              />
              <TextInput
                type="date"
                label={t("library.to")}
                value={filter.to}
                min="1970-01-01"
                max="9999-12-30"
                onChange={(event) => set({ to: event.currentTarget.value })}
              />
            </>
          )}
        </SimpleGrid>
      </Collapse>
      {(count > 0 || filter.text !== "") && (
        <Button
          variant="subtle"
          size="compact-sm"
          mt="sm"
          ml={-8}
          leftSection={<IconX size={16} aria-hidden />}
          onClick={clear}
        >
          {t("library.clear")}
        </Button>
      )}
    </search>
  );
}

function Words({ text, change }: { text: string; change: (text: string) => void }) {
  const { t } = useTranslation("panel");
  const [typed, setTyped] = useState({ typed: text, of: text, sent: text });
  // What was sent from here leaves alone what is being typed, and the space at its end. Else the address
  // has changed otherwise: back, forward, or everything cleared.
  if (typed.of !== text) {
    setTyped(text === typed.sent ? { ...typed, of: text } : { typed: text, of: text, sent: text });
  }
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(text);
  // Another filter may be chosen before the time is up: it stays.
  const latest = useRef(change);
  useEffect(() => {
    latest.current = change;
  });
  useEffect(() => {
    if (text !== sent.current) clearTimeout(timer.current);
    sent.current = text;
  }, [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (value: string) => {
    setTyped({ ...typed, typed: value });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = value.trim();
      setTyped((now) => ({ ...now, sent: value.trim() }));
      latest.current(value.trim());
    }, TYPING_MS);
  };
  return (
    <TextInput
      type="search"
      label={t("library.text")}
      placeholder={t("library.text_example")}
      leftSection={<IconSearch size={18} aria-hidden />}
      value={typed.typed}
      maxLength={LONGEST_TEXT}
      style={{ flex: 1, minWidth: 0 }}
      onChange={(event) => type(event.currentTarget.value)}
    />
  );
}
