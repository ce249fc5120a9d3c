// The library: what is being rendered, then recordings, searched and narrowed, as a list or a calendar.
import { Button, Group, Paper, SegmentedControl, Skeleton, Stack, Text } from "@mantine/core";
import { IconArrowMerge, IconDatabase, IconMovie, IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useSearch } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Recording } from "../../api/schema";
import { EVERYTHING, askedFor, searchOf, shownOf, type Filter, type Shown } from "../../library";
import { MOST_MERGED, canMerge } from "../../merge";
import { Calendar } from "../parts/Calendar";
import { Deletions } from "../parts/Deletions";
import { EmptyState } from "../parts/EmptyState";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { JobQueue } from "../parts/JobQueue";
import { LibraryFilters } from "../parts/LibraryFilters";
import { RecordingRow } from "../parts/RecordingRow";
import { lazyPage } from "../parts/lazyPage";
import { useUndo } from "../parts/useUndo";
import { useMay } from "../session";

const MergeDialog = lazyPage(() => import("../parts/MergeDialog").then((part) => part.MergeDialog));

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
  const edits = useMay()("edit_library");
  const [wanted, want] = useState<ReadonlyMap<string, Recording>>(new Map());
  // What was selected stays so while somebody looks for the next one.
  const known = new Map(items?.map((recording) => [recording.id, recording]));
  const chosen = [...wanted.values()].map((one) => known.get(one.id) ?? one).filter(canMerge);
  const select = (recording: Recording, selected: boolean) => {
    const next = new Map(wanted);
    if (selected) next.set(recording.id, recording);
    else next.delete(recording.id);
    want(next);
  };
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
              <RecordingRow
                recording={recording}
                selection={
                  edits
                    ? {
                        selected: chosen.some(({ id }) => id === recording.id),
                        full: chosen.length >= MOST_MERGED,
                        change: (selected) => select(recording, selected),
                      }
                    : undefined
                }
              />
            </li>
          ))}
        </Stack>
      )}
      {chosen.length > 0 && <Chosen chosen={chosen} clear={() => want(new Map())} />}
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

/** What can be done with what is selected; at the lower edge, wherever somebody has scrolled to. */
function Chosen({ chosen, clear }: { chosen: Recording[]; clear: () => void }) {
  const { t } = useTranslation("panel");
  const [merging, setMerging] = useState(false);
  const hint =
    chosen.length < 2
      ? t("merge.chosen_more")
      : chosen.length >= MOST_MERGED
        ? t("merge.chosen_most", { count: MOST_MERGED })
        : null;
  return (
    <>
      <Paper className="surface chosen" p="sm" mt="md" component="section" aria-label={t("merge.title")}>
        <Text role="status">
          {t("merge.chosen", { count: chosen.length })}
          {hint && ` · ${hint}`}
        </Text>
        <Group gap="xs">
          <Button variant="default" onClick={clear}>
            {t("merge.clear")}
          </Button>
          <Button
            disabled={chosen.length < 2}
            leftSection={<IconArrowMerge size={18} aria-hidden />}
            onClick={() => setMerging(true)}
          >
            {t("merge.action")}
          </Button>
        </Group>
      </Paper>
      {merging && (
        <Suspense>
          <MergeDialog chosen={chosen} close={() => setMerging(false)} />
        </Suspense>
      )}
    </>
  );
}
