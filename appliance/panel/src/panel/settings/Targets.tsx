// Where recordings are copied to, and how that goes.
import { Button, Group, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Target } from "../../api/schema";
import { isBusy } from "../../targets";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { useFormat } from "../wording";
import { Card } from "./Card";
import { TargetDialog } from "./TargetDialog";
import { TargetRow } from "./TargetRow";

/** No event tells of each byte. */
const LOOK_AGAIN_MS = 2_000;

export function Targets() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const list = useQuery({
    queryKey: keys.targets,
    queryFn: api.targets,
    refetchInterval: ({ state }) => (state.data?.items.some(isBusy) ? LOOK_AGAIN_MS : false),
  });
  const [editing, setEditing] = useState<Target | "new" | null>(null);
  const [leaving, setLeaving] = useState<Target | null>(null);
  // What a test showed before something was changed means nothing any more.
  const [edits, setEdits] = useState(0);
  const refresh = () => {
    void cache.invalidateQueries({ queryKey: keys.targets });
    void cache.invalidateQueries({ queryKey: keys.copies });
  };
  const waiting = leaving?.tally.waiting ?? 0;

  return (
    <Card title={t("targets.title")} text={t("targets.text")}>
      {list.error && <Failure error={list.error} />}
      {list.data && list.data.items.length > 0 && (
        <Stack gap="lg" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {list.data.items.map((target) => (
            <TargetRow
              key={target.id}
              target={target}
              edits={edits}
              edit={() => setEditing(target)}
              leave={() => setLeaving(target)}
              changed={refresh}
            />
          ))}
        </Stack>
      )}
      {list.data?.items.length === 0 && <Text c="dimmed">{t("targets.none")}</Text>}
      <Group>
        <Button
          variant="default"
          leftSection={<IconPlus size={18} aria-hidden />}
          onClick={() => setEditing("new")}
        >
          {t("targets.create")}
        </Button>
      </Group>
      <TargetDialog
        target={editing === "new" ? null : editing}
        opened={editing !== null}
        close={() => setEditing(null)}
        changed={() => {
          setEdits((before) => before + 1);
          refresh();
        }}
      />
      <Confirm
        opened={leaving !== null}
        close={() => setLeaving(null)}
        title={t("targets.delete_title", { name: leaving?.name })}
        text={
          waiting > 0
            ? t("targets.delete_text_waiting", { count: waiting, shown: format.number(waiting) })
            : t("targets.delete_text")
        }
        action={t("targets.remove")}
        run={() => api.deleteTarget(leaving?.id ?? "")}
        done={refresh}
      />
    </Card>
  );
}
