// Rows of the audit log: a table, and on a phone a card for each row.
import "./audit.css";
import { Paper, Table, Text } from "@mantine/core";
import { IconBan, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import type { AuditEntry } from "../../api/schema";
import { unturned } from "../../direction";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { useAuditWords } from "./words";

const DONE = { icon: IconCircleCheck, color: "teal" } as const;
const REFUSED = { icon: IconBan, color: "red" } as const;

export function Entries({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation("panel");
  return (
    <Paper className="surface" p="md">
      {/* The parts are named, for a browser forgets what a table is once it is laid out as cards. */}
      <Table verticalSpacing="xs" className="audit-log" role="table" aria-label={t("audit.title")}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            <Table.Th role="columnheader">{t("audit.when")}</Table.Th>
            <Table.Th role="columnheader">{t("audit.person")}</Table.Th>
            <Table.Th role="columnheader">{t("audit.action")}</Table.Th>
            <Table.Th role="columnheader">{t("audit.subject")}</Table.Th>
            <Table.Th role="columnheader">{t("audit.result")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
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
    <Table.Tr role="row" className={done ? undefined : "audit-refused"}>
      <Table.Td role="cell" className="audit-when" style={{ whiteSpace: "nowrap" }}>
        <time dateTime={entry.at}>{format.dateTime(entry.at)}</time>
      </Table.Td>
      <Table.Td role="cell" className="audit-who">
        <Text size="sm"><Name>{entry.name || t("audit.nobody")}</Name></Text>
        <Text size="xs" c="dimmed">
          {entry.from}
          {entry.token && ` · ${t("audit.by_token")}`}
        </Text>
      </Table.Td>
      <Table.Td role="cell" className="audit-what">
        <Text size="sm" fw="inherit">{actionOf(entry.action)}</Text>
        {entry.skipped > 0 && (
          <Text size="xs" c="dimmed">
            {t("audit.skipped", { count: entry.skipped })}
          </Text>
        )}
      </Table.Td>
      <Table.Td role="cell" className="audit-which" style={{ overflowWrap: "anywhere" }}>
        {entry.detail && <Text size="sm">{unturned(entry.detail)}</Text>}
        <Text size="xs" c="dimmed">
          <Name>{entry.subject}</Name>
        </Text>
      </Table.Td>
      <Table.Td role="cell" className="audit-result">
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
