// Who did what on this box, and who was refused; to filter, and to take along.
import { Alert, Button, Group, Select, SimpleGrid, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, auditExport } from "../../api/client";
import { keys } from "../../api/keys";
import type { AuditState } from "../../api/schema";
import { Entries } from "../audit/Entries";
import { useAuditWords } from "../audit/words";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { useMay } from "../session";

export function AuditPage() {
  const { t } = useTranslation("panel");
  const { actions } = useAuditWords();
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
            data={actions}
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
