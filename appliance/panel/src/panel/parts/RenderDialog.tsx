// Render again: another arrangement of the same raw tracks.
import { Button, Group, Modal, Radio, Select, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Encoder, Layout, Recording } from "../../api/schema";
import { Failure } from "./Failure";
import { ENCODERS, LAYOUTS } from "./choices";

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
  const work = useMutation({
    mutationFn: () => api.render(recording.id, layout, encoder),
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
        <Radio.Group
          label={t("render.layout")}
          description={t("render.layout_text")}
          value={layout}
          onChange={(value) => setLayout(value as Layout)}
        >
          <Stack gap="xs" mt="sm">
            {LAYOUTS.map((each) => (
              <Radio
                key={each}
                value={each}
                label={t(`layout.${each}`)}
                description={t(`layout.${each}_text`)}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Select
          label={t("render.encoder")}
          description={t("render.encoder_text")}
          data={ENCODERS.map((value) => ({ value, label: t(`encoder.${value}`) }))}
          value={encoder}
          allowDeselect={false}
          onChange={(value) => setEncoder((value ?? "auto") as Encoder)}
        />
        {work.error && <Failure error={work.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
          <Button loading={work.isPending} onClick={() => work.mutate()}>
            {t("render.start")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
