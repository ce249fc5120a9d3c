// The plan of backups: how often, when, where to, how many stay, and the passphrase.
import {
  Anchor,
  Button,
  Checkbox,
  Group,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BackupPlan, Safekeeping } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { PasswordMeter } from "../parts/PasswordMeter";
import { useFormat } from "../wording";
import { weekday } from "./Planned";

interface PlanFormProps {
  view: Safekeeping;
  /** Characters of a passphrase. */
  least: number;
  close: () => void;
}

const DAYS = [1, 2, 3, 4, 5, 6, 7];
const FIRST: BackupPlan = { every: "daily", weekday: null, at: "03:00", targets: [], keep: 14 };

export function PlanForm({ view, least, close }: PlanFormProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const { language } = useFormat();
  const cache = useQueryClient();
  const targets = useQuery({ queryKey: keys.targets, queryFn: api.targets });
  const [plan, setPlan] = useState(view.plan ?? FIRST);
  const there = targets.data?.items ?? [];
  const chosen = plan.targets.filter((id) => there.some((target) => target.id === id));
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [password, setPassword] = useState("");
  const save = useMutation({
    mutationFn: () => api.putBackupPlan({ password, plan: { ...plan, targets: chosen }, ...(passphrase === "" ? {} : { passphrase }) }),
    onSuccess(now) {
      cache.setQueryData(keys.backupPlan, now);
      close();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    save.mutate();
  };
  if (targets.error) return <Failure error={targets.error} retry={() => void targets.refetch()} />;
  if (!targets.data) return <Skeleton height={200} />;
  if (there.length === 0) {
    return (
      <Stack gap="sm" align="flex-start">
        <Text size="sm">
          {t("backup.plan.no_targets")}{" "}
          <Anchor component={Link} href="/settings" size="sm" underline="always">
            {t("backup.plan.add_target")}
          </Anchor>
        </Text>
        <Button variant="default" onClick={close}>
          {t("shared:cancel")}
        </Button>
      </Stack>
    );
  }
  const long = [...passphrase].length >= least;
  const phrased = passphrase === "" ? view.has_passphrase : long && passphrase === again;
  return (
    <form onSubmit={submit}>
      <Stack gap="md" maw={480}>
        <SegmentedControl
          aria-label={t("backup.plan.every")}
          value={plan.every}
          data={[
            { value: "daily", label: t("backup.plan.every_day") },
            { value: "weekly", label: t("backup.plan.every_week") },
          ]}
          onChange={(every) =>
            setPlan({ ...plan, every: every as BackupPlan["every"], weekday: every === "weekly" ? (plan.weekday ?? 1) : null })
          }
        />
        <Group gap="md" align="flex-end">
          {plan.every === "weekly" && (
            <Select
              label={t("backup.plan.day")}
              allowDeselect={false}
              value={String(plan.weekday ?? 1)}
              data={DAYS.map((day) => ({ value: String(day), label: weekday(day, language) }))}
              onChange={(day) => setPlan({ ...plan, weekday: Number(day) })}
            />
          )}
          <TextInput
            type="time"
            label={t("backup.plan.at")}
            value={plan.at}
            onChange={(event) => setPlan({ ...plan, at: event.currentTarget.value })}
          />
        </Group>
        <Checkbox.Group
          label={t("backup.plan.targets")}
          description={t("backup.plan.targets_text")}
          value={chosen}
          onChange={(ids) => setPlan({ ...plan, targets: ids })}
        >
          <Stack gap="xs" mt="xs">
            {there.map((target) => (
              <Checkbox key={target.id} value={target.id} label={target.name} />
            ))}
          </Stack>
        </Checkbox.Group>
        <NumberInput
          label={t("backup.plan.keep")}
          description={t("backup.plan.keep_text")}
          min={1}
          max={366}
          allowDecimal={false}
          value={plan.keep}
          onChange={(keep) => setPlan({ ...plan, keep: Number(keep) })}
        />
        <PasswordInput
          label={t("backup.passphrase")}
          description={t(view.has_passphrase ? "backup.plan.passphrase_stays" : "backup.plan.passphrase_text", {
            count: least,
          })}
          value={passphrase}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
          onChange={(event) => setPassphrase(event.currentTarget.value)}
        />
        {passphrase !== "" && (
          <>
            <PasswordMeter password={passphrase} />
            <PasswordInput
              label={t("backup.again")}
              value={again}
              autoComplete="new-password"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              error={again !== "" && !passphrase.startsWith(again) ? t("backup.differs") : null}
              onChange={(event) => setAgain(event.currentTarget.value)}
            />
          </>
        )}
        <PasswordInput
          label={t("danger.password")}
          value={password}
          autoComplete="current-password"
          visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {save.error && <Failure error={save.error} />}
        <Group gap="sm">
          <Button
            type="submit"
            loading={save.isPending}
            disabled={chosen.length === 0 || !phrased || password === "" || plan.at === "" || plan.keep < 1}
          >
            {t("save")}
          </Button>
          <Button variant="default" onClick={close}>
            {t("shared:cancel")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
