// Render again: another arrangement of the same raw tracks.
import { Button, Checkbox, Group, Modal, Radio, Select, Stack, Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Encoder, Layout, Output, Recording, SoundContainer } from "../../api/schema";
import { Failure } from "./Failure";
import { LayoutPicture } from "./LayoutPicture";
import { CONTAINERS, ENCODERS, LAYOUTS, OUTPUTS } from "./choices";

interface RenderDialogProps {
  recording: Recording;
  opened: boolean;
  close: () => void;
}

export function RenderDialog({ recording, opened, close }: RenderDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const [layout, setLayout] = useState<Layout>("auto");
  const [encoder, setEncoder] = useState<Encoder>("auto");
  const [outputs, setOutputs] = useState<Output[]>(["film"]);
  const [container, setContainer] = useState<SoundContainer>("m4a");
  const [slate, setSlate] = useState(false);
  const film = outputs.includes("film") || outputs.includes("hls");
  const work = useMutation({
    mutationFn: () =>
      api.render(recording.id, {
        layout,
        encoder,
        outputs,
        container,
        pauses: slate ? "slate" : "cut",
      }),
    onSuccess() {
      void cache.invalidateQueries({ queryKey: keys.jobs });
      void cache.invalidateQueries({ queryKey: keys.recordings });
      close();
    },
  });
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t("recording.render")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Stack>
        <Checkbox.Group
          label={t("render.outputs")}
          value={outputs}
          onChange={(value) => setOutputs(value as Output[])}
          error={outputs.length === 0 && t("render.nothing")}
        >
          <Stack gap="xs" mt="sm">
            {OUTPUTS.map((each) => (
              <Checkbox
                key={each}
                value={each}
                label={t(`output.${each}`)}
                description={t(`output.${each}_text`)}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        {outputs.includes("sound") && (
          <Select
            label={t("render.container")}
            data={CONTAINERS.map((value) => ({ value, label: t(`container.${value}`) }))}
            value={container}
            allowDeselect={false}
            onChange={(value) => setContainer((value ?? "m4a") as SoundContainer)}
          />
        )}
        <Radio.Group
          label={t("render.layout")}
          description={t("render.layout_text")}
          value={layout}
          onChange={(value) => setLayout(value as Layout)}
        >
          <Stack gap="xs" mt="sm">
            {LAYOUTS.map((each) => (
              <Group key={each} wrap="nowrap" gap="sm" align="flex-start">
                <LayoutPicture layout={each} />
                <Radio
                  value={each}
                  disabled={!film}
                  label={t(`layout.${each}`)}
                  description={t(`layout.${each}_text`)}
                />
              </Group>
            ))}
          </Stack>
        </Radio.Group>
        <Select
          label={t("render.encoder")}
          description={t("render.encoder_text")}
          data={ENCODERS.map((value) => ({ value, label: t(`encoder.${value}`) }))}
          value={encoder}
          disabled={!film}
          allowDeselect={false}
          onChange={(value) => setEncoder((value ?? "auto") as Encoder)}
        />
        <Switch
          label={t("output.slate")}
          description={t("output.slate_text")}
          checked={slate}
          onChange={(event) => setSlate(event.currentTarget.checked)}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button
            disabled={outputs.length === 0}
            loading={work.isPending}
            onClick={() => work.mutate()}
          >
            {t("render.start")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
