// What a text of settings would change, what in it will not do, and what becomes of each key of plugnmeet's.
import { Alert, Collapse, Group, Stack, Table, Text, Title, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconArrowRight, IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ForeignKey, ForeignVerdict, SettingsPreview } from "../../api/schema";
import type { texts as words } from "../../i18n/texts.en";
import { useSettingWords } from "../parts/settingWords";

/** In this order: first what somebody has to do with. */
const VERDICTS: readonly ForeignVerdict[] = ["by_hand", "taken", "unknown", "not_needed"];

export function TextPreview({ preview }: { preview: SettingsPreview }) {
  const { t } = useTranslation("panel");
  const { problems, changes, keys } = preview;
  return (
    <Stack gap="md" role="status">
      {preview.kind === "plugnmeet" && keys.length > 0 && <Text size="sm">{t("texts.foreign")}</Text>}
      {problems.length > 0 && (
        <Stack gap="xs">
          <Alert color="red" icon={<IconAlertTriangle size={20} aria-hidden />} title={t("texts.problems")}>
            {t("texts.problems_text")}
          </Alert>
          <Rows
            label={t("texts.problems")}
            heads={[t("texts.key"), t("texts.what")]}
            rows={problems.map(({ line, key, what }) => ({ line, key, name: <Code>{key || "–"}</Code>, what }))}
          />
        </Stack>
      )}
      {changes.length > 0 && <Changes preview={preview} />}
      {changes.length === 0 && problems.length === 0 && <Text size="sm">{t("texts.nothing")}</Text>}
      {VERDICTS.map((verdict) => (
        <Keys key={verdict} verdict={verdict} keys={keys.filter((key) => key.verdict === verdict)} />
      ))}
    </Stack>
  );
}

function Changes({ preview }: { preview: SettingsPreview }) {
  const { t } = useTranslation("panel");
  const setting = useSettingWords();
  return (
    <Stack gap={4}>
      <Title order={4} size="h6">
        {t("texts.changes")}
      </Title>
      <Rows
        label={t("texts.changes")}
        heads={[t("texts.setting"), t("texts.change")]}
        rows={preview.changes.map(({ line, key, from, to }) => ({
          line,
          key,
          name: setting.name(key),
          what: (
            <Group gap={6}>
              <Text span size="sm" c="dimmed">
                <VisuallyHidden>{t("texts.now")}: </VisuallyHidden>
                {setting.value(key, from)}
              </Text>
              <IconArrowRight size={16} aria-hidden style={{ flex: "none" }} />
              <Text span size="sm" fw={500}>
                <VisuallyHidden>{t("texts.then")}: </VisuallyHidden>
                {setting.value(key, to)}
              </Text>
            </Group>
          ),
        }))}
      />
    </Stack>
  );
}

/** Keys of one kind. Those without meaning are many: only their number shows until somebody asks. */
function Keys({ verdict, keys }: { verdict: ForeignVerdict; keys: ForeignKey[] }) {
  const { t, i18n } = useTranslation("panel");
  const setting = useSettingWords();
  const [opened, { toggle }] = useDisclosure(verdict !== "not_needed");
  if (keys.length === 0) return null;
  const becomes = ({ code, why }: ForeignKey) => {
    if (verdict === "taken") return t("texts.as", { name: setting.name(why), interpolation: { escapeValue: false } });
    if (verdict === "unknown") return t("texts.unknown");
    return i18n.exists(`panel:texts.why.${code}`) ? t(`texts.why.${code as keyof typeof words.why}`) : why;
  };
  const rows = keys.map((key) => ({
    line: key.line,
    key: key.key,
    name: <Code>{key.key}</Code>,
    what: becomes(key),
  }));
  return (
    <Stack gap={4}>
      <Title order={4} size="h6">
        {t(`texts.verdict.${verdict}`)}
      </Title>
      {verdict === "not_needed" && (
        <UnstyledButton onClick={toggle} aria-expanded={opened} style={{ alignSelf: "flex-start" }}>
          <Group gap={4}>
            <Text size="sm">{t("texts.show", { count: keys.length })}</Text>
            {opened ? <IconChevronUp size={16} aria-hidden /> : <IconChevronDown size={16} aria-hidden />}
          </Group>
        </UnstyledButton>
      )}
      <Collapse expanded={opened}>
        <Rows label={t(`texts.verdict.${verdict}`)} heads={[t("texts.key"), t("texts.becomes")]} rows={rows} />
      </Collapse>
    </Stack>
  );
}

interface RowsProps {
  label: string;
  heads: [string, string];
  rows: { line: number; key: string; name: ReactNode; what: ReactNode }[];
}

function Rows({ label, heads, rows }: RowsProps) {
  const { t } = useTranslation("panel");
  return (
    <Table verticalSpacing={6} horizontalSpacing="xs" layout="fixed" aria-label={label}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={64}>{t("texts.line")}</Table.Th>
          <Table.Th>{heads[0]}</Table.Th>
          <Table.Th>{heads[1]}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(({ line, key, name, what }, at) => (
          <Table.Tr key={`${line} ${key} ${at}`} style={{ verticalAlign: "top", overflowWrap: "anywhere" }}>
            <Table.Td>{line}</Table.Td>
            <Table.Td>{name}</Table.Td>
            <Table.Td>{what}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Code({ children }: { children: ReactNode }) {
  return (
    <Text span size="xs" ff="ui-monospace, monospace">
      {children}
    </Text>
  );
}
