// Who did what on this box, and who was refused; to filter, and to take along.
import { Alert, Button, Group, Paper, Select, SimpleGrid, Skeleton, Stack, Table, Text } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconCircleCheck, IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, auditExport } from "../../api/client";
import { keys } from "../../api/keys";
import type { AuditEntry, AuditState } from "../../api/schema";
import type { audit as words } from "../../i18n/audit.en";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { StateBadge } from "../parts/StateBadge";
import { useMay } from "../session";
import { useFormat } from "../wording";

const DONE = { icon: IconCircleCheck, color: "teal" } as const;
const REFUSED = { icon: IconBan, color: "red" } as const;
type Worded = keyof typeof words.actions;

/** Operations that have words; others are shown as the API calls them. */
function useWorded(): Worded[] {
  const { i18n } = useTranslation();
  const actions: unknown = i18n.getResource(i18n.language, "panel", "audit.actions");
  return Object.keys(actions ?? {}) as Worded[];
}

export function AuditPage() {
  const { t } = useTranslation("panel");
  const worded = useWorded();
  const [person, setPerson] = useState<string | null>(null);
  const [action, setAction] = useState<string | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const asked = new URLSearchParams();
  if (person !== null) asked.set("person", person);
  if (action !== null) asked.set("action", action);
  if (refused !== null) asked.set("refused", refused);
  const found = asked.toString();
  const log = useInfiniteQuery({
    queryKey: keys.auditFound(found),
    queryFn: ({ pageParam }) => api.audit(found, pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.next,
  });
  const entries = log.data?.pages.flatMap((page) => page.items) ?? [];
  const newest = log.data?.pages[0];
  return (
    <>
      <Heading title={t("audit.title")} lead={t("audit.lead")}>
        <Button
          component="a"
          href={auditExport()}
          variant="default"
          leftSection={<IconDownload size={18} aria-hidden />}
        >
          {t("audit.export")}
        </Button>
      </Heading>
      <Stack gap="md">
        {newest && <Chain state={newest.state} />}
        <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm" maw={760}>
          <People value={person} change={setPerson} />
          <Select
            label={t("audit.action")}
            placeholder={t("audit.everything")}
            data={worded.map((value) => ({ value, label: t(`audit.actions.${value}`) }))}
            value={action}
            clearable
            searchable
            onChange={setAction}
          />
          <Select
            label={t("audit.result")}
            placeholder={t("audit.any")}
            data={[
              { value: "false", label: t("audit.done") },
              { value: "true", label: t("audit.refused") },
            ]}
            value={refused}
            clearable
            onChange={setRefused}
          />
        </SimpleGrid>
        {log.error && <Failure error={log.error} retry={() => void log.refetch()} />}
        {log.isPending && <Skeleton height={320} radius="lg" />}
        {log.data && entries.length === 0 && <Text c="dimmed">{t("audit.none")}</Text>}
        {entries.length > 0 && <Entries entries={entries} />}
        {log.hasNextPage && (
          <Group>
            <Button
              variant="default"
              loading={log.isFetchingNextPage}
              onClick={() => void log.fetchNextPage()}
            >
              {t("audit.more")}
            </Button>
          </Group>
        )}
      </Stack>
    </>
  );
}

function Chain({ state }: { state: AuditState }) {
  const { t } = useTranslation("panel");
  if (state.broken === null) {
    return (
      <Text size="sm" c="dimmed">
        {t("audit.whole")}
      </Text>
    );
  }
  return (
    <Alert
      color="red"
      role="alert"
      icon={<IconAlertTriangle size={20} aria-hidden />}
      title={t("audit.broken_title")}
    >
      {t("audit.broken", { why: state.broken })}
    </Alert>
  );
}

/** Only who runs people may list them; others filter by what they did. */
function People({ value, change }: { value: string | null; change: (id: string | null) => void }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const people = useQuery({ queryKey: keys.people, queryFn: api.people, enabled: may("run_people") });
  if (!may("run_people")) return null;
  return (
    <Select
      label={t("audit.person")}
      placeholder={t("audit.everybody")}
      data={(people.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
      value={value}
      clearable
      onChange={change}
    />
  );
}

function Entries({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation("panel");
  return (
    <Paper className="surface" p="md">
      {/* On a phone it is wider than the page: the keyboard reaches what is outside, too. */}
      <Table.ScrollContainer
        minWidth={640}
        scrollAreaProps={{
          viewportProps: { tabIndex: 0, role: "region", "aria-label": t("audit.title") },
        }}
      >
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("audit.when")}</Table.Th>
              <Table.Th>{t("audit.person")}</Table.Th>
              <Table.Th>{t("audit.action")}</Table.Th>
              <Table.Th>{t("audit.subject")}</Table.Th>
              <Table.Th>{t("audit.result")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {entries.map((entry) => (
              <Row key={entry.seq} entry={entry} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const worded = useWorded();
  const known = worded.find((action) => action === entry.action);
  const done = entry.result === "ok";
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: "nowrap" }}>
        <time dateTime={entry.at}>{format.dateTime(entry.at)}</time>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{entry.name || t("audit.nobody")}</Text>
        <Text size="xs" c="dimmed">
          {entry.from}
          {entry.token && ` · ${t("audit.by_token")}`}
        </Text>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{known ? t(`audit.actions.${known}`) : entry.action}</Text>
        {entry.skipped > 0 && (
          <Text size="xs" c="dimmed">
            {t("audit.skipped", { count: entry.skipped })}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ overflowWrap: "anywhere" }}>
        {entry.detail && <Text size="sm">{entry.detail}</Text>}
        <Text size="xs" c="dimmed">
          {entry.subject}
        </Text>
      </Table.Td>
      <Table.Td>
        <StateBadge look={done ? DONE : REFUSED} word={t(done ? "audit.done" : "audit.refused")} />
        {!done && (
          <Text size="xs" c="dimmed">
            {entry.result}
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
