// A place for copies: a new one, or one that changes. What was saved is tested at once.
import { Button, Group, Modal, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, Refusal } from "../../api/client";
import type { Target, TargetPatch } from "../../api/schema";
import { useRefusalText } from "../../i18n/refusal";
import { KINDS, type Kind } from "../../targets";
import { Failure } from "../parts/Failure";
import { KindIcon } from "../parts/TargetLook";
import { TargetLimits } from "./TargetLimits";
import { TargetPlace } from "./TargetPlace";
import { Testing, TrialResult } from "./TargetTrial";
import { draftOf, emptyDraft, isComplete, newTarget, patchOf, type Draft } from "./targetDraft";

interface TargetDialogProps {
  /** `null`: a new one. */
  target: Target | null;
  opened: boolean;
  close: () => void;
  changed: () => void;
}

export function TargetDialog(props: TargetDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const { target, opened, close } = props;
  return (
    <Modal
      opened={opened}
      onClose={close}
      size={560}
      title={target ? t("targets.edit_title", { name: target.name }) : t("targets.create_title")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <Steps {...props} />
    </Modal>
  );
}

/** First what kind of place it is; then only what that kind needs. */
function Steps(props: TargetDialogProps) {
  const { t } = useTranslation("panel");
  const [kind, setKind] = useState<Kind | null>(props.target?.place.kind ?? null);
  if (kind) return <TargetForm key={kind} {...props} kind={kind} back={() => setKind(null)} />;
  return (
    <Stack gap="sm">
      <Text>{t("targets.ask_kind")}</Text>
      {KINDS.map((each, at) => (
        <UnstyledButton
          key={each}
          className="choice"
          data-autofocus={at === 0 || undefined}
          onClick={() => setKind(each)}
        >
          <KindIcon kind={each} />
          <Stack gap={2}>
            <Text fw={500}>{t(`targets.kind.${each}`)}</Text>
            <Text size="sm" c="dimmed">
              {t(`targets.kind_text.${each}`)}
            </Text>
          </Stack>
        </UnstyledButton>
      ))}
    </Stack>
  );
}

interface TargetFormProps extends TargetDialogProps {
  kind: Kind;
  back: () => void;
}

/** What only a test can tell whether it is right. */
function wantsTest(patch: TargetPatch): boolean {
  return patch.place !== undefined || patch.secrets !== undefined;
}

function TargetForm({ target, kind, close, changed, back }: TargetFormProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const textOf = useRefusalText();
  const [draft, setDraft] = useState<Draft>(target ? draftOf(target) : emptyDraft(kind));
  // How the box has it: a new one is there from its first saving on, whatever its test says.
  const [saved, setSaved] = useState<Target | null>(target);
  const [tested, setTested] = useState(false);

  const trial = useMutation({
    mutationFn: (id: string) => api.testTarget(id),
    onSettled: changed,
  });
  const save = useMutation({
    async mutationFn() {
      if (!saved) return { kept: await api.createTarget(newTarget(draft)), test: true };
      const patch = patchOf(draft, saved);
      const kept = await api.changeTarget(saved.id, patch);
      return { kept, test: tested || wantsTest(patch) };
    },
    onSuccess({ kept, test }) {
      setSaved(kept);
      changed();
      if (!test) {
        close();
        return;
      }
      setTested(true);
      trial.mutate(kept.id);
    },
  });
  const busy = save.isPending || trial.isPending;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    trial.reset();
    save.mutate();
  };
  const field = save.error instanceof Refusal ? save.error.problem.field : undefined;
  const shown = field !== undefined && field in draft && field !== "rooms";
  const faultOf = (name: string) => (field === name && shown ? textOf(save.error) : null);
  const fields = {
    draft,
    isNew: !saved,
    faultOf,
    change: (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part })),
  };

  if (trial.data?.works) {
    return (
      <Stack>
        <TrialResult trial={trial.data} next={t(target ? "targets.test_edited" : "targets.test_next")} />
        <Group justify="flex-end">
          <Button onClick={close} autoFocus>
            {t("targets.done")}
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Group justify="space-between" gap="xs">
          <Group gap="sm">
            <KindIcon kind={kind} />
            <Text fw={500}>{t(`targets.kind.${kind}`)}</Text>
          </Group>
          {!saved && (
            <Button
              variant="subtle"
              color="gray"
              size="compact-sm"
              leftSection={<IconArrowLeft size={14} aria-hidden />}
              onClick={back}
            >
              {t("targets.other_kind")}
            </Button>
          )}
        </Group>
        <TargetPlace {...fields} />
        <TargetLimits {...fields} />
        {save.error && !shown && <Failure error={save.error} />}
        {trial.error && <Failure error={trial.error} />}
        {trial.isPending && <Testing />}
        {trial.data && <TrialResult trial={trial.data} next={t("targets.saved_failing")} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t(tested ? "shared:close" : "shared:cancel")}
          </Button>
          <Button type="submit" loading={busy} disabled={!isComplete(draft, !saved)}>
            {t(saved && !tested ? "save" : "targets.add")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
