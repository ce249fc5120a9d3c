// Which settings of a card the fleet sets, and where somebody here wants another value.
import { Alert, List, Stack, Text } from "@mantine/core";
import { IconTopologyStar3 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Settings, TwinEntry } from "../../api/schema";
import { Sides } from "../parts/Sides";
import { useSettingWords } from "../parts/settingWords";
import { useTwin } from "../parts/useTwin";

export function SetByFleet({ section }: { section: keyof Settings }) {
  const { t } = useTranslation("panel");
  const words = useSettingWords();
  const { query, decide, decides } = useTwin();
  const fleet = query.data?.fleet ?? "";
  const ours = (query.data?.entries ?? []).filter(({ setting }) => setting.startsWith(`${section}.`));
  const set = ours.filter(({ standing }) => standing === "in_step");
  const other = ours.filter(differs);
  if (set.length + other.length === 0) return null;
  return (
    <Alert
      variant="light"
      color={other.length > 0 ? "yellow" : "blue"}
      icon={<IconTopologyStar3 size={20} aria-hidden />}
      title={t(set.length > 0 ? "fleet.twin.set_by" : "fleet.twin.differs_here", { fleet })}
    >
      <Stack gap="sm">
        {set.length > 0 && (
          <>
            <List size="sm">
              {set.map(({ setting }) => (
                <List.Item key={setting}>{words.name(setting)}</List.Item>
              ))}
            </List>
            <Text size="sm">{t("fleet.twin.set_by_text")}</Text>
          </>
        )}
        {other.map((entry) => (
          <Sides
            key={entry.setting}
            entry={entry}
            decides={decides}
            decide={(choice) => decide(entry.setting, choice)}
          />
        ))}
      </Stack>
    </Alert>
  );
}

function differs({ standing }: TwinEntry): boolean {
  return standing === "differs" || standing === "kept";
}
