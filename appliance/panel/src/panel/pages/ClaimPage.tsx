// First visit: the code that the box shows, the owner's name and password, done.
import {
  Alert,
  Button,
  Group,
  PasswordInput,
  Stack,
  Stepper,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconCircleCheck, IconDeviceTv } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { api, Refusal } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView, Me } from "../../api/schema";
import { useRefusalText } from "../../i18n/refusal";
import { MIN_LENGTH, strengthOf } from "../../password";
import { ClaimRestore } from "../backup/ClaimRestore";
import { Entrance } from "../parts/Entrance";
import { Failure } from "../parts/Failure";
import { PasswordMeter } from "../parts/PasswordMeter";

type Step = 0 | 1 | 2;

export function ClaimPage({ box }: { box: BoxView }) {
  const { t } = useTranslation(["panel", "shared"]);
  const textOf = useRefusalText();
  const cache = useQueryClient();
  const [, go] = useLocation();
  const [step, setStep] = useState<Step>(0);
  const [restoring, setRestoring] = useState(false);
  const [code, setCode] = useState(codeInAddress);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const state = useQuery({ queryKey: ["claim"], queryFn: api.claimState });
  const claim = useMutation({
    mutationFn: () => api.claim({ code: code.trim(), name: name.trim(), password }),
    onSuccess() {
      // The code works once: it need not stay in the address or the history.
      history.replaceState(null, "", location.pathname);
      setStep(2);
    },
    onError(error) {
      void state.refetch();
      if (error instanceof Refusal && ["wrong_code", "claim_locked"].includes(error.code)) setStep(0);
    },
  });

  useEffect(() => {
    document.title = `${t("claim.title")} · Roombox`;
  }, [t]);

  const refusedCode = refusalOf(claim.error, "wrong_code");
  const refusedPassword = refusalOf(claim.error, "weak_password");
  const other = claim.error && !refusedCode && !refusedPassword ? claim.error : null;
  const left = state.data?.attempts_left;
  const locked = left === 0;

  const next = (event: SubmitEvent) => {
    event.preventDefault();
    claim.reset();
    setStep(1);
  };
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    claim.mutate();
  };
  const finish = (place: string) => {
    cache.setQueryData<Me | null>(keys.session, claim.data ?? null);
    void cache.invalidateQueries({ queryKey: keys.box });
    go(place, { replace: true });
  };

  if (restoring) {
    return (
      <Entrance>
        <ClaimRestore box={box} code={code.trim()} back={() => setRestoring(false)} />
      </Entrance>
    );
  }
  return (
    <Entrance>
      <Stack gap="lg">
        <Stack gap={4}>
          <Title order={1}>{t("claim.title")}</Title>
          <Text c="dimmed">{t("claim.lead", { box: box.name })}</Text>
        </Stack>
        <Stepper
          active={step}
          size="xs"
          iconSize={28}
          allowNextStepsSelect={false}
          aria-label={t("claim.title")}
          visibleFrom="xs"
        >
          <Stepper.Step label={t("claim.step_code")} allowStepSelect={false} />
          <Stepper.Step label={t("claim.step_owner")} allowStepSelect={false} />
          <Stepper.Step label={t("claim.step_done")} allowStepSelect={false} />
        </Stepper>

        {step === 0 && (
          <form onSubmit={next}>
            <Stack>
              {locked ? (
                <Alert color="red" role="alert">
                  {t("shared:errors.claim_locked")}
                </Alert>
              ) : (
                <>
                  <TextInput
                    label={t("claim.code")}
                    description={t("claim.code_where")}
                    leftSection={<IconDeviceTv size={18} aria-hidden />}
                    value={code}
                    size="md"
                    required
                    autoFocus
                    autoComplete="one-time-code"
                    autoCapitalize="characters"
                    spellCheck={false}
                    styles={{ input: { fontFamily: "ui-monospace, monospace", letterSpacing: 2 } }}
                    onChange={(event) => setCode(event.currentTarget.value)}
                    error={refusedCode ? textOf(refusedCode) : null}
                  />
                  {left !== undefined && left < 5 && (
                    <Text size="sm">{t("claim.tries", { count: left })}</Text>
                  )}
                  <Group justify="space-between">
                    <Button
                      variant="subtle"
                      disabled={code.trim() === ""}
                      onClick={() => setRestoring(true)}
                    >
                      {t("backup.claim.offer")}
                    </Button>
                    <Button type="submit" disabled={code.trim() === ""}>
                      {t("claim.next")}
                    </Button>
                  </Group>
                </>
              )}
            </Stack>
          </form>
        )}

        {step === 1 && (
          <form onSubmit={send}>
            <Stack>
              <TextInput
                label={t("claim.name")}
                description={t("claim.name_why")}
                value={name}
                size="md"
                required
                autoFocus
                autoComplete="name"
                maxLength={100}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Stack gap={6}>
                <PasswordInput
                  label={t("claim.password")}
                  description={t("claim.password_rule", { count: MIN_LENGTH })}
                  value={password}
                  size="md"
                  required
                  autoComplete="new-password"
                  visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                  error={refusedPassword ? textOf(refusedPassword) : null}
                />
                <PasswordMeter password={password} />
              </Stack>
              {other && <Failure error={other} />}
              <Group justify="space-between">
                <Button variant="default" onClick={() => setStep(0)}>
                  {t("claim.back")}
                </Button>
                <Button
                  type="submit"
                  loading={claim.isPending}
                  disabled={name.trim() === "" || strengthOf(password) === 0}
                >
                  {t("claim.finish")}
                </Button>
              </Group>
            </Stack>
          </form>
        )}

        {step === 2 && (
          <Stack>
            <Group gap="sm" wrap="nowrap">
              <IconCircleCheck size={36} color="var(--plot-line)" aria-hidden />
              <Text fw={600} size="lg" role="status">
                {t("claim.done", { name: claim.data?.name })}
              </Text>
            </Group>
            <Text>{t("claim.done_next")}</Text>
            <Group gap="sm">
              <Button size="md" onClick={() => finish("/setup")} autoFocus>
                {t("claim.set_up")}
              </Button>
              <Button size="md" variant="default" onClick={() => finish("/rooms")}>
                {t("claim.open")}
              </Button>
            </Group>
          </Stack>
        )}
      </Stack>
    </Entrance>
  );
}

/** The address that the box prints carries the code behind #. */
function codeInAddress(): string {
  const behind = location.hash.slice(1);
  try {
    return decodeURIComponent(behind);
  } catch {
    return behind;
  }
}

function refusalOf(error: unknown, code: string): Refusal | null {
  return error instanceof Refusal && error.code === code ? error : null;
}
