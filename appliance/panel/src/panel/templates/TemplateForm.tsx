// All settings of a template.
import { Button, Group, Modal, MultiSelect, NumberInput, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { GuestEntry, Layout, RoomRules, RoomSettings, RoomTemplate } from "../../api/schema";
import { patchOf, templates, UNTOUCHED } from "../../api/templates";
import { LAYOUTS } from "../parts/choices";
import { Failure } from "../parts/Failure";
import { useMay } from "../session";
import { CodecField } from "./CodecField";

const ENTRIES = ["anyone", "with_pin", "nobody"] as const satisfies GuestEntry[];
const BOX = "box";
const SWITCHES = ["muted", "camera", "share", "chat"] as const;

interface TemplateFormProps {
  /** Undefined: a new one. */
  template?: RoomTemplate;
  opened: boolean;
  close: () => void;
}

export function TemplateForm(props: TemplateFormProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const { template, opened, close } = props;
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="lg"
      title={template ? t("templates.edit_title", { name: template.name }) : t("templates.new")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Form {...props} />
    </Modal>
  );
}

function Form({ template, close }: TemplateFormProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const copies = useMay()("configure");
  const [name, setName] = useState(template?.name ?? "");
  const [isDefault, setDefault] = useState(template?.default ?? false);
  const [settings, setSettings] = useState<RoomSettings>(template?.settings ?? UNTOUCHED);
  const change = (part: Partial<RoomSettings>) => setSettings({ ...settings, ...part });
  const rule = (part: Partial<RoomRules>) => change({ rules: { ...settings.rules, ...part } });
  const { rules } = settings;
  const work = useMutation({
    mutationFn: () => {
      const said = { name: name.trim(), default: isDefault, settings: patchOf(settings, copies) };
      return template ? templates.change(template.id, said) : templates.create(said);
    },
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: keys.roomTemplates });
      close();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() !== "") work.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {template && (
          <Text size="sm" c="dimmed">
            {t("templates.edit_text")}
          </Text>
        )}
        <TextInput
          label={t("templates.name")}
          description={t("templates.name_hint")}
          value={name}
          maxLength={100}
          required
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Switch
          label={t("templates.default")}
          description={t("templates.default_text")}
          checked={isDefault}
          onChange={(event) => setDefault(event.currentTarget.checked)}
        />
        <Select
          label={t("rules.guests")}
          allowDeselect={false}
          data={ENTRIES.map((value) => ({ value, label: t(`rules.entry.${value}`) }))}
          value={rules.guests}
          onChange={(guests) => rule({ guests: guests as GuestEntry })}
        />
        <Switch
          label={t("room.lobby")}
          checked={settings.lobby}
          onChange={(event) => change({ lobby: event.currentTarget.checked })}
        />
        <NumberInput
          label={t("rules.max_people")}
          description={t("rules.max_people_text")}
          min={0}
          max={10_000}
          clampBehavior="strict"
          allowDecimal={false}
          value={rules.max_people}
          onChange={(value) => rule({ max_people: Number(value) })}
        />
        {SWITCHES.map((each) => (
          <Switch
            key={each}
            label={t(`rules.${each}`)}
            checked={rules[`guests_${each}`]}
            onChange={(event) => rule({ [`guests_${each}`]: event.currentTarget.checked })}
          />
        ))}
        <Select
          label={t("rules.layout")}
          allowDeselect={false}
          data={[
            { value: BOX, label: t("rules.layout_box_plain") },
            ...LAYOUTS.map((value) => ({ value, label: t(`layout.${value}`) })),
          ]}
          value={rules.layout ?? BOX}
          onChange={(layout) => rule({ layout: layout === BOX ? null : (layout as Layout) })}
        />
        <CodecField
          value={rules.video_codecs}
          change={(video_codecs) => rule({ video_codecs })}
        />
        <Switch
          label={t("schedule.always")}
          checked={settings.record_always}
          onChange={(event) => change({ record_always: event.currentTarget.checked })}
        />
        {copies && (
          <Copies targets={settings.targets} change={(targets) => change({ targets })} />
        )}
        <NumberInput
          label={t("rules.keep_days")}
          description={t("rules.keep_days_text")}
          suffix={` ${t("rules.days")}`}
          min={0}
          max={36_500}
          clampBehavior="strict"
          allowDecimal={false}
          value={rules.keep_days}
          onChange={(value) => rule({ keep_days: Number(value) })}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button type="submit" loading={work.isPending} disabled={name.trim() === ""}>
            {t("templates.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface CopiesProps {
  targets: RoomSettings["targets"];
  change: (targets: RoomSettings["targets"]) => void;
}

function Copies({ targets, change }: CopiesProps) {
  const { t } = useTranslation("panel");
  const list = useQuery({ queryKey: keys.targets, queryFn: api.targets });
  const known = [...(list.data?.items ?? [])].map(({ id, name }) => ({ id, name, gone: false }));
  for (const target of targets ?? []) {
    if (!known.some(({ id }) => id === target.id)) known.push({ ...target, gone: true });
  }
  return (
    <>
      <Switch
        label={t("templates.copies")}
        description={t("templates.copies_text")}
        checked={targets !== null}
        onChange={(event) => change(event.currentTarget.checked ? [] : null)}
      />
      {targets !== null && (
        <MultiSelect
          label={t("templates.copies_choose")}
          description={t("templates.copies_choose_text")}
          searchable
          data={known.map(({ id, name, gone }) => ({
            value: id,
            label: gone ? t("templates.removed", { name }) : name,
          }))}
          value={targets.map(({ id }) => id)}
          onChange={(ids) => change(known.filter(({ id }) => ids.includes(id)))}
        />
      )}
    </>
  );
}
