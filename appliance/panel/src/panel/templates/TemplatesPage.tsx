// Templates for rooms: what they say, and to which rooms they are applied.
import { Alert, Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconChecklist, IconPencil, IconPlus, IconTemplate, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { keys } from "../../api/keys";
import type { RoomTemplate } from "../../api/schema";
import { patchOf, templates } from "../../api/templates";
import { Confirm } from "../parts/Confirm";
import { EmptyState } from "../parts/EmptyState";
import { Failure, useReportFailure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { useUndo } from "../parts/useUndo";
import { useMay } from "../session";
import { ApplyDialog } from "./ApplyDialog";
import { differing, useSettingText } from "./settingText";
import { TemplateForm } from "./TemplateForm";

export function TemplatesPage() {
  const { t } = useTranslation("panel");
  const list = useQuery({ queryKey: keys.roomTemplates, queryFn: templates.list });
  const [making, make] = useDisclosure(false);
  const button = (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={make.open}>
      {t("templates.new")}
    </Button>
  );
  return (
    <>
      <Heading title={t("templates.title")} lead={t("templates.lead")}>
        {list.data && list.data.items.length > 0 && button}
      </Heading>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton height={144} radius="lg" />}
      {list.data?.items.length === 0 && (
        <EmptyState icon={IconTemplate} title={t("templates.empty")} text={t("templates.empty_text")}>
          {button}
        </EmptyState>
      )}
      {list.data && list.data.items.length > 0 && (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          {list.data.items.map((template) => (
            <Card key={template.id} template={template} />
          ))}
        </SimpleGrid>
      )}
      <TemplateForm opened={making} close={make.close} />
    </>
  );
}

function Card({ template }: { template: RoomTemplate }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [editing, edit] = useDisclosure(false);
  const [applying, apply] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  const { name, settings } = template;
  const copies = useMay()("configure");
  const say = useUndo();
  const report = useReportFailure();
  const refresh = () => cache.invalidateQueries({ queryKey: keys.roomTemplates });
  // What it says of copies is brought back by those who may say it, and not for a target that is gone.
  const same = settings.targets === null || (copies && !settings.targets.some(({ gone }) => gone));
  const drop = useMutation({
    mutationFn: () => templates.remove(template.id),
    onSuccess() {
      void refresh();
      say(t("undoing.template", { name }), async () => {
        const { items } = await templates.list();
        // Another one may be it by now.
        const isDefault = template.default && !items.some((other) => other.default);
        await templates.create({ name, default: isDefault, settings: patchOf(settings, copies) });
        await refresh();
      });
    },
    onError: report,
  });
  return (
    <Paper className="surface" p="md" component="section" aria-label={name}>
      <Stack gap="md" h="100%" justify="space-between">
        <Stack gap="xs">
          <Group gap="xs">
            <Title order={2} size="h4" style={{ overflowWrap: "anywhere" }}>
              <Name>{name}</Name>
            </Title>
            {template.default && (
              <Badge variant="light" tt="none">
                {t("templates.is_default")}
              </Badge>
            )}
          </Group>
          <Says template={template} />
          <Gone template={template} />
        </Stack>
        <Group gap="xs">
          <Button
            px="sm"
            variant="light"
            leftSection={<IconChecklist size={18} aria-hidden />}
            aria-label={t("rooms.named", { action: t("templates.apply"), name })}
            onClick={apply.open}
          >
            {t("templates.apply")}
          </Button>
          <Button
            px="sm"
            variant="default"
            leftSection={<IconPencil size={18} aria-hidden />}
            aria-label={t("rooms.named", { action: t("templates.edit"), name })}
            onClick={edit.open}
          >
            {t("templates.edit")}
          </Button>
          <Button
            px="sm"
            variant="subtle"
            color="red"
            leftSection={<IconTrash size={18} aria-hidden />}
            aria-label={t("rooms.named", { action: t("templates.delete"), name })}
            loading={drop.isPending}
            onClick={same ? () => drop.mutate() : remove.open}
          >
            {t("templates.delete")}
          </Button>
        </Group>
      </Stack>
      <TemplateForm template={template} opened={editing} close={edit.close} />
      <ApplyDialog template={template} opened={applying} close={apply.close} />
      <Confirm
        opened={deleting}
        close={remove.close}
        title={t("templates.delete_title", { name })}
        text={t("templates.delete_text")}
        action={t("templates.delete")}
        run={() => templates.remove(template.id)}
        done={() => void refresh()}
      />
    </Paper>
  );
}

/** What is other than in a room that nobody has changed. */
export function Says({ template }: { template: RoomTemplate }) {
  const { t } = useTranslation("panel");
  const words = useSettingText();
  const says = differing(template.settings);
  if (says.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("templates.plain")}
      </Text>
    );
  }
  return (
    <Stack component="ul" gap={4} p={0} m={0} style={{ listStyle: "none" }}>
      {says.map((name) => (
        <Text key={name} component="li" size="sm" style={{ overflowWrap: "anywhere" }}>
          <Text span inherit c="dimmed">
            {t("templates.what", { label: words.label(name) })}
          </Text>{" "}
          {words.value(name, template.settings)}
        </Text>
      ))}
    </Stack>
  );
}

/** Targets that were removed since: said before anybody relies on them. */
export function Gone({ template }: { template: RoomTemplate }) {
  const { t } = useTranslation("panel");
  const gone = (template.settings.targets ?? []).filter((target) => target.gone);
  if (gone.length === 0) return null;
  const names = gone.map(({ name }) => name).join(", ");
  return (
    <Alert color="yellow" icon={<IconAlertTriangle size={18} aria-hidden />}>
      {t("templates.gone", { count: gone.length, names })}
    </Alert>
  );
}
