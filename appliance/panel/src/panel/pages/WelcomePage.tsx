// An invitation to the box: whoever has it says their name, chooses a password, and is in.
import { Button, Loader, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView, Invitation } from "../../api/schema";
import { strengthOf } from "../../password";
import { Entrance } from "../parts/Entrance";
import { Failure } from "../parts/Failure";
import { PasswordMeter } from "../parts/PasswordMeter";

export function WelcomePage({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const [secret] = useState(() => new URLSearchParams(location.hash.slice(1)).get("invite") ?? "");
  const invitation = useQuery({
    queryKey: ["invitation"],
    queryFn: () => api.invitation(secret),
    retry: false,
    refetchOnWindowFocus: false,
  });
  useEffect(() => {
    document.title = `${t("welcome.title", { box: box.name })} · Roombox`;
  }, [t, box.name]);
  return (
    <Entrance>
      <Stack gap="lg">
        <Stack gap={4}>
          <Title order={1}>{t("welcome.title", { box: box.name })}</Title>
          {invitation.data && (
            <Text c="dimmed">
              {t("welcome.lead", { role: t(`people_page.role.${invitation.data.role}`) })}{" "}
              {t(`people_page.may.${invitation.data.role}`)}
            </Text>
          )}
        </Stack>
        {invitation.isPending && <Loader type="dots" />}
        {invitation.error && (
          <>
            <Failure error={invitation.error} />
            <Text>{t("welcome.gone")}</Text>
          </>
        )}
        {invitation.data && <Form secret={secret} invitation={invitation.data} />}
      </Stack>
    </Entrance>
  );
}

function Form({ secret, invitation }: { secret: string; invitation: Invitation }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [, go] = useLocation();
  const [name, setName] = useState(invitation.name);
  const [password, setPassword] = useState("");
  const accept = useMutation({
    mutationFn: () => api.acceptInvitation({ secret, name: name.trim(), password }),
    onSuccess(me) {
      cache.setQueryData(keys.session, me);
      void cache.invalidateQueries({ queryKey: keys.box });
      // Without the secret, which is used up.
      go("/rooms", { replace: true });
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    accept.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label={t("welcome.name")}
          description={t("welcome.name_text")}
          value={name}
          size="md"
          required
          autoComplete="username"
          maxLength={100}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Stack gap={6}>
          <PasswordInput
            label={t("welcome.password")}
            value={password}
            size="md"
            required
            maxLength={200}
            autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <PasswordMeter password={password} />
        </Stack>
        {accept.error && <Failure error={accept.error} />}
        <Button
          type="submit"
          size="md"
          loading={accept.isPending}
          disabled={name.trim() === "" || strengthOf(password) === 0}
        >
          {t("welcome.action")}
        </Button>
      </Stack>
    </form>
  );
}
