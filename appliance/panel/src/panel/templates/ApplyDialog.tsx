// Applies a template to rooms: which, what will be different, and then one after the other.
import { Alert, Button, Checkbox, Group, Modal, Progress, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { RoomTemplate, TemplatePreview } from "../../api/schema";
import { templates } from "../../api/templates";
import { useRefusalText } from "../../i18n/refusal";
import { Failure } from "../parts/Failure";
import { useSettingText } from "./settingText";

interface ApplyDialogProps {
  template: RoomTemplate;
  opened: boolean;
  close: () => void;
}

export function ApplyDialog({ template, opened, close }: ApplyDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  // Whoever closes it in the middle would never hear what was refused.
  const [busy, setBusy] = useState(false);
  return (
    <Modal
      opened={opened}
      onClose={() => !busy && close()}
      withCloseButton={!busy}
      size="lg"
      title={t("applying.title", { name: template.name })}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Steps template={template} close={close} busy={setBusy} />
    </Modal>
  );
}

interface StepsProps {
  template: RoomTemplate;
  close: () => void;
  busy: (now: boolean) => void;
}

function Steps({ template, close, busy }: StepsProps) {
  const [chosen, choose] = useState<string[]>([]);
  const look = useMutation({ mutationFn: () => templates.preview(template.id, chosen) });
  return look.data ? (
    <Look template={template} previews={look.data.items} back={look.reset} close={close} busy={busy} />
  ) : (
    <ChooseRooms
      chosen={chosen}
      choose={choose}
      next={() => look.mutate()}
      loading={look.isPending}
      error={look.error}
    />
  );
}

interface ChooseRoomsProps {
  chosen: string[];
  choose: (rooms: string[]) => void;
  next: () => void;
  loading: boolean;
  error: unknown;
}

function ChooseRooms({ chosen, choose, next, loading, error }: ChooseRoomsProps) {
  const { t } = useTranslation("panel");
  const list = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  // What a program opened is forgotten when its meeting ends.
  const rooms = list.data?.items.filter((room) => room.invite !== null) ?? [];
  const all = rooms.length > 0 && chosen.length === rooms.length;
  if (list.isPending) return <Skeleton height={96} />;
  return (
    <Stack>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.data && rooms.length === 0 && <Text c="dimmed">{t("applying.none")}</Text>}
      {rooms.length > 0 && (
        <Stack gap="xs">
          <Checkbox
            label={t("applying.all")}
            checked={all}
            indeterminate={!all && chosen.length > 0}
            onChange={() => choose(all ? [] : rooms.map(({ id }) => id))}
          />
          <Checkbox.Group label={t("applying.choose")} value={chosen} onChange={choose}>
            <Stack gap="xs" mt="xs">
              {rooms.map((room) => (
                <Checkbox key={room.id} value={room.id} label={room.name} ms="md" />
              ))}
            </Stack>
          </Checkbox.Group>
        </Stack>
      )}
      {error !== null && <Failure error={error} />}
      <Group justify="flex-end">
        <Button loading={loading} disabled={chosen.length === 0} onClick={next}>
          {t("applying.next")}
        </Button>
      </Group>
    </Stack>
  );
}

interface LookProps {
  template: RoomTemplate;
  previews: TemplatePreview[];
  back: () => void;
  close: () => void;
  busy: (now: boolean) => void;
}

/** What will be different, and then how it went. */
export function Look({ template, previews, back, close, busy }: LookProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const textOf = useRefusalText();
  const [done, setDone] = useState(0);
  const [failed, setFailed] = useState<{ name: string; why: unknown }[]>([]);
  const wanted = previews.filter(({ changes }) => changes.length > 0);
  const work = useMutation({
    mutationFn: async () => {
      for (const preview of wanted) {
        // One that is refused does not keep the others from it.
        await templates
          .apply(template.id, preview)
          .catch((why: unknown) => setFailed((all) => [...all, { name: preview.name, why }]));
        setDone((count) => count + 1);
      }
    },
    onMutate: () => busy(true),
    onSettled: () => {
      busy(false);
      return cache.invalidateQueries({ queryKey: keys.rooms });
    },
  });
  if (work.isSuccess) {
    const changed = wanted.length - failed.length;
    return (
      <Stack>
        {changed > 0 && (
          <Alert color="teal" icon={<IconCheck size={18} aria-hidden />} role="status">
            {t("applying.done", { count: changed })}
          </Alert>
        )}
        {failed.map(({ name, why }) => (
          <Alert key={name} color="red" role="alert" icon={<IconAlertTriangle size={18} aria-hidden />}>
            {t("applying.failed", { name, why: textOf(why) })}
          </Alert>
        ))}
        <Group justify="flex-end">
          <Button onClick={close}>{t("shared:close")}</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack>
      <Text size="sm">{t(wanted.length > 0 ? "applying.look" : "applying.nothing_at_all")}</Text>
      {previews.map((preview) => (
        <Difference key={preview.room} preview={preview} />
      ))}
      {work.isPending && (
        <Stack gap={4}>
          <Progress value={(100 * done) / wanted.length} aria-label={template.name} />
          <Text size="sm" role="status">
            {t("applying.running", { done, count: wanted.length })}
          </Text>
        </Stack>
      )}
      <Group justify="flex-end">
        <Button variant="default" disabled={work.isPending} onClick={back}>
          {t("applying.back")}
        </Button>
        {wanted.length > 0 && (
          <Button loading={work.isPending} onClick={() => work.mutate()}>
            {t("applying.go", { count: wanted.length })}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function Difference({ preview }: { preview: TemplatePreview }) {
  const { t } = useTranslation("panel");
  const words = useSettingText();
  const { before, after, changes, missing, kept } = preview;
  const [was, is] = [before.rules.keep_days, after.rules.keep_days];
  // 0: as the box keeps them, which may be shorter than what the room had.
  const deletes = was !== is && (is === 0 || was === 0 || is < was);
  return (
    <section aria-label={preview.name}>
      <Title order={3} size="h6" style={{ overflowWrap: "anywhere" }}>
        <Name>{preview.name}</Name>
      </Title>
      {changes.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("applying.nothing")}
        </Text>
      )}
      <Stack component="ul" gap={4} p={0} mt={4} mb={0} style={{ listStyle: "none" }}>
        {changes.map((name) => (
          <Text key={name} component="li" size="sm" style={{ overflowWrap: "anywhere" }}>
            <Text span inherit c="dimmed">
              {t("templates.what", { label: words.label(name) })}
            </Text>{" "}
            {t("applying.from_to", {
              before: words.value(name, before),
              after: words.value(name, after),
            })}
          </Text>
        ))}
      </Stack>
      {deletes && <Warning text={t(is === 0 ? "applying.deletes_as_box" : "applying.deletes")} />}
      {missing.length > 0 && <Warning text={t("applying.missing", { names: missing.join(", ") })} />}
      {kept.length > 0 && <Warning text={t("applying.kept", { names: kept.join(", ") })} />}
    </section>
  );
}

function Warning({ text }: { text: string }) {
  return (
    <Alert color="yellow" mt="xs" icon={<IconAlertTriangle size={18} aria-hidden />}>
      {text}
    </Alert>
  );
}
