// Rows of the audit log: a table, and on a phone a card for each row.
import { Paper, Table, Text } from "@mantine/core";
import { IconBan, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { AuditEntry } from "../../api/schema";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { useAuditWords } from "./words";

const DONE = { icon: IconCircleCheck, color: "teal" } as const;
const REFUSED = { icon: IconBan, color: "red" } as const;

export function Entries({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation("panel");
  return (
    <Paper className="surface" p="md">
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
    </Paper>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { actionOf, reasonOf } = useAuditWords();
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
        <Text size="sm">{actionOf(entry.action)}</Text>
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
            {reasonOf(entry.result)}
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
