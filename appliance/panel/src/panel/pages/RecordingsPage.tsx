// The library: what is being rendered, then recordings, searched and narrowed, as a list or a calendar.
import { Button, Group, SegmentedControl, Skeleton, Stack } from "@mantine/core";
import { IconDatabase, IconMovie, IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useSearch } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { EVERYTHING, askedFor, searchOf, shownOf, type Filter, type Shown } from "../../library";
import { Calendar } from "../parts/Calendar";
import { Deletions } from "../parts/Deletions";
import { EmptyState } from "../parts/EmptyState";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { JobQueue } from "../parts/JobQueue";
import { LibraryFilters } from "../parts/LibraryFilters";
import { RecordingRow } from "../parts/RecordingRow";
import { useUndo } from "../parts/useUndo";

export function RecordingsPage() {
  const { t } = useTranslation("panel");
  const shown = shownOf(useSearch());
  const [, go] = useLocation();
  const show = (part: Partial<Shown>, replace = false) =>
    go(`/recordings${searchOf({ ...shown, ...part })}`, { replace });
  const { view, month, filter } = shown;
  const say = useUndo();
  const withdraw = useRef<() => void>(undefined);
  const clear = () => {
    withdraw.current?.();
    show({ filter: EVERYTHING }, true);
    withdraw.current = say(t("undoing.filter"), () => {
      // The calendar may have been turned since.
      const now = shownOf(location.search);
      go(`/recordings${searchOf({ ...now, filter })}`, { replace: true });
    });
  };
  // Whoever looks for something else, or elsewhere, wants none of it back.
  const look = (part: Partial<Shown>, replace = false) => {
    withdraw.current?.();
    show(part, replace);
  };
  useEffect(() => () => withdraw.current?.(), []);

  return (
    <>
      <Heading title={t("nav.recordings")} lead={t("library.lead")}>
        <SegmentedControl
          aria-label={t("library.view")}
          value={view}
          data={[
            { value: "list", label: t("library.list") },
            { value: "calendar", label: t("library.calendar") },
          ]}
          onChange={(value) => show({ view: value === "calendar" ? "calendar" : "list" })}
        />
        <Button
          component={Link}
          href="/recordings/storage"
          variant="default"
          leftSection={<IconDatabase size={18} aria-hidden />}
        >
          {t("library.storage")}
        </Button>
      </Heading>
      <JobQueue />
      <LibraryFilters
        filter={filter}
        dated={view === "list"}
        change={(changed) => look({ filter: changed }, true)}
        clear={clear}
      />
      {view === "calendar" ? (
        <Calendar
          month={month}
          filter={filter}
          turn={(turned) => show({ month: turned }, true)}
          open={(day) => look({ view: "list", filter: { ...filter, from: day, to: day } })}
        />
      ) : (
        <Found filter={filter} clear={clear} />
      )}
      <Deletions />
    </>
  );
}

function Found({ filter, clear }: { filter: Filter; clear: () => void }) {
  const { t } = useTranslation("panel");
  const asked = askedFor(filter).toString();
  const recordings = useInfiniteQuery({
    queryKey: keys.recordingsFound(asked),
    queryFn: ({ pageParam }) => api.recordings(asked, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    // What was found for the letters before stays until the new is there.
    placeholderData: keepPreviousData,
  });
  const items = recordings.data?.pages.flatMap((page) => page.items);
  return (
    <>
      {recordings.error && (
        <Failure error={recordings.error} retry={() => void recordings.refetch()} />
      )}
      {recordings.isPending && <Skeleton height={240} radius="lg" />}
      {items?.length === 0 &&
        (asked === "" ? (
          <EmptyState icon={IconMovie} title={t("recordings.empty")} text={t("recordings.empty_text")}>
            <Button component={Link} href="/rooms">
              {t("recordings.empty_go")}
            </Button>
          </EmptyState>
        ) : (
          <EmptyState icon={IconSearchOff} title={t("library.none")} text={t("library.none_text")}>
            <Button variant="default" onClick={clear}>
              {t("library.clear")}
            </Button>
          </EmptyState>
        ))}
      {items && items.length > 0 && (
        <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {items.map((recording) => (
            <li key={recording.id}>
              <RecordingRow recording={recording} />
            </li>
          ))}
        </Stack>
      )}
      {recordings.hasNextPage && (
        <Group justify="center" mt="lg">
          <Button
            variant="default"
            loading={recordings.isFetchingNextPage}
            onClick={() => void recordings.fetchNextPage()}
          >
            {t("recordings.more")}
          </Button>
        </Group>
      )}
    </>
  );
}
