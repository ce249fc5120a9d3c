// What a wave is to be: which group, which version, how fast. The group's name is typed before it begins.
import { Button, Group, Modal, NumberInput, Select, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import type { FleetGroup, Wave } from "../../api/schema";
import { Failure } from "./Failure";

interface WaveDialogProps {
  groups: FleetGroup[];
  close: () => void;
  learn: (waves: Wave[]) => void;
}

export function WaveDialog({ groups, close, learn }: WaveDialogProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const [group, setGroup] = useState(groups[0]?.id ?? "");
  const [version, setVersion] = useState("");
  const [url, setUrl] = useState("");
  const [atOnce, setAtOnce] = useState(1);
  const [minutes, setMinutes] = useState(30);
  const [haltAfter, setHaltAfter] = useState(1);
  const [night, setNight] = useState(true);
  const [confirm, setConfirm] = useState("");
  const name = groups.find(({ id }) => id === group)?.name ?? "";
  const begin = useMutation({
    mutationFn: () =>
      api.beginWave({
        group,
        confirm: confirm.trim(),
        version: version.trim(),
        ...(url.trim() === "" ? {} : { url: url.trim() }),
        night,
        at_once: atOnce,
        percent: false,
        pause_s: minutes * 60,
        halt_after: haltAfter,
      }),
    onSuccess(waves) {
      learn(waves);
      close();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    begin.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      title={t("fleet.waves.begin")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <Select
            label={t("fleet.waves.group")}
            allowDeselect={false}
            data={groups.map(({ id, name }) => ({ value: id, label: name }))}
            value={group}
            onChange={(value) => setGroup(value ?? "")}
          />
          <TextInput
            label={t("fleet.waves.version")}
            description={t("fleet.waves.version_text")}
            value={version}
            maxLength={64}
            required
            onChange={(event) => setVersion(event.currentTarget.value)}
          />
          <TextInput
            label={t("fleet.waves.url")}
            description={t("fleet.waves.url_text")}
            placeholder="https://"
            value={url}
            maxLength={500}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
          <NumberInput label={t("fleet.waves.at_once")} min={1} allowDecimal={false} value={atOnce} onChange={(value) => setAtOnce(Number(value))} />
          <NumberInput label={t("fleet.waves.pause")} min={0} max={10_080} allowDecimal={false} value={minutes} onChange={(value) => setMinutes(Number(value))} />
          <NumberInput label={t("fleet.waves.halt_after")} min={1} allowDecimal={false} value={haltAfter} onChange={(value) => setHaltAfter(Number(value))} />
          <Switch
            label={t("fleet.waves.night")}
            description={t("fleet.waves.night_text")}
            checked={night}
            onChange={(event) => setNight(event.currentTarget.checked)}
          />
          <TextInput
            label={t("fleet.waves.confirm", { name })}
            value={confirm}
            autoComplete="off"
            onChange={(event) => setConfirm(event.currentTarget.value)}
          />
          {begin.error && <Failure error={begin.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {shared("cancel")}
            </Button>
            <Button
              type="submit"
              color="red.8"
              loading={begin.isPending}
              disabled={confirm.trim() !== name || version.trim() === ""}
            >
              {t("fleet.waves.begin")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
