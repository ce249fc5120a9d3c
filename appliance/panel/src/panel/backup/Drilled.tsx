// What a trial of a backup has shown.
import { Alert, Button, Stack, Table, Text } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { DrillReport } from "../../api/schema";
import { useFormat } from "../wording";

export function Drilled({ report, restore }: { report: DrillReport; restore: () => void }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const rows: [string, string][] = [
    [t("backup.drill.of"), report.box_name],
    [t("backup.drill.made_at"), format.dateTime(report.made_at)],
    [t("backup.drill.version"), report.version],
    [t("backup.drill.people"), format.number(report.people)],
    [t("backup.drill.rooms"), format.number(report.rooms)],
    [t("backup.drill.targets"), format.number(report.targets)],
    [t("backup.drill.webhooks"), format.number(report.webhooks)],
    [
      t("backup.drill.recordings"),
      t("backup.drill.recordings_value", {
        count: report.recordings,
        here: format.number(report.recordings_here),
      }),
    ],
  ];
  if (report.recordings_imported > 0) {
    const value = t("backup.drill.imported_value", { count: report.recordings_imported });
    rows.push([t("backup.drill.imported"), value]);
  }
  return (
    <Alert
      color="teal"
      role="status"
      title={t("backup.drill.title")}
      icon={<IconCircleCheck size={20} aria-hidden />}
    >
      <Stack gap="sm" align="flex-start">
        <Text size="sm">
          {t("backup.drill.took", { seconds: format.number(report.took_ms / 1000, 1) })}
        </Text>
        <Table withRowBorders={false} verticalSpacing={2}>
          <Table.Tbody>
            {rows.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row">{name}</Table.Th>
                <Table.Td>{value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {!report.owned && <Text size="sm">{t("backup.drill.no_owner")}</Text>}
        <Button color="red.8" onClick={restore}>
          {t("backup.drill.go")}
        </Button>
      </Stack>
    </Alert>
  );
}
