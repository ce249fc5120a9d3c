import { Button, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, Refusal } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView } from "../../api/schema";
import { useRefusalText } from "../../i18n/refusal";
import { Entrance } from "../parts/Entrance";
import { SignInService } from "../parts/SignInService";
import { useFormat } from "../wording";

export function SignInPage({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const textOf = useRefusalText();
  const format = useFormat();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  /** What the app shows; null until the box asks for it. */
  const [code, setCode] = useState<string | null>(null);
  const named = box.sign_in_by_name;
  const signIn = useMutation({
    mutationFn: () => api.signIn(password, named ? name.trim() : null, code),
    onSuccess(person) {
      cache.setQueryData(keys.session, person);
    },
    onError(error) {
      const asked = error instanceof Refusal && ["factor_needed", "wrong_factor"].includes(error.code);
      // The password was right, and is needed once more with the code.
      if (!asked) setPassword("");
      setCode(asked ? "" : null);
    },
  });

  useEffect(() => {
    document.title = `${t("sign_in.title")} · Roombox`;
  }, [t]);

  const wrongCode = signIn.error instanceof Refusal && signIn.error.code === "wrong_factor";
  const refusedCode = wrongCode ? textOf(signIn.error) : null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <Entrance>
      <form onSubmit={submit}>
        <Stack gap="lg">
          <Stack gap={4}>
            <Title order={1}>{t("sign_in.title")}</Title>
            <Text c="dimmed">{t("sign_in.lead", { box: box.name })}</Text>
          </Stack>
          <SignInService />
          {named && (
            <TextInput
              label={t("sign_in.name")}
              value={name}
              size="md"
              required
              autoFocus
              autoComplete="username"
              maxLength={100}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
          <PasswordInput
            label={t(named ? "sign_in.password_of" : "sign_in.password")}
            value={password}
            size="md"
            required
            autoFocus={!named}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={signIn.error && code === null ? refused(signIn.error) : null}
          />
          {code !== null && (
            <TextInput
              label={t("factor.asked")}
              description={t("factor.asked_text")}
              value={code}
              size="md"
              required
              autoFocus
              inputMode="numeric"
              autoComplete="one-time-code"
              maxLength={12}
              onChange={(event) => setCode(event.currentTarget.value)}
              error={refusedCode}
            />
          )}
          <Button type="submit" size="md" loading={signIn.isPending} disabled={password === "" || code === "" || (named && name.trim() === "")}>
            {t("sign_in.action")}
          </Button>
        </Stack>
      </form>
    </Entrance>
  );

  function refused(error: unknown): string {
    if (error instanceof Refusal && error.retryAfterSeconds !== null) {
      return t("sign_in.wait", { span: format.span(error.retryAfterSeconds) });
    }
    return textOf(error);
  }
}
