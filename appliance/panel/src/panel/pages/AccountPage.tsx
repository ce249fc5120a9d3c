// One's own account: who one is, the password, where one is signed in, tokens.
import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Me } from "../../api/schema";
import { useRefusalText } from "../../i18n/refusal";
import { strengthOf } from "../../password";
import { Failure, useReportFailure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { OwnIdentity } from "../parts/OwnIdentity";
import { PasswordMeter } from "../parts/PasswordMeter";
import { Sessions } from "../parts/Sessions";
import { ApiTokens } from "../settings/ApiTokens";
import { Card } from "../settings/Card";
import { SecondFactor } from "../settings/SecondFactor";

export function AccountPage({ me }: { me: Me }) {
  const { t } = useTranslation("panel");
  return (
    <>
      <Heading title={t("account.title")} lead={t("account.lead", { name: me.name })} />
      <Stack gap="md" maw={760}>
        <Card title={t(`people_page.role.${me.role}`)} text={t(`people_page.may.${me.role}`)}>
          <SignOut />
        </Card>
        <OwnIdentity me={me} />
        {/* Who came by the provider has neither here. */}
        {!me.identity?.managed && <Password me={me} />}
        {!me.identity?.managed && <SecondFactor me={me} />}
        <OwnSessions />
        <ApiTokens me={me} />
      </Stack>
    </>
  );
}

function SignOut() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const signOut = useMutation({
    mutationFn: api.signOut,
    onError: report,
    onSuccess() {
      // The session first, and it stays: removed, it would no longer be heard by who shows it.
      cache.setQueryData(keys.session, null);
      const kept: unknown[] = [keys.box[0], keys.session[0]];
      cache.removeQueries({ predicate: (query) => !kept.includes(query.queryKey[0]) });
    },
  });
  return (
    <Group>
      <Button
        variant="default"
        loading={signOut.isPending}
        leftSection={<IconLogout size={18} aria-hidden />}
        onClick={() => signOut.mutate()}
      >
        {t("account.sign_out")}
      </Button>
    </Group>
  );
}

function Password({ me }: { me: Me }) {
  const { t } = useTranslation("panel");
  const textOf = useRefusalText();
  const cache = useQueryClient();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const work = useMutation({
    mutationFn: () => api.changePassword({ old, new: next }),
    onSuccess() {
      setOld("");
      setNext("");
      void cache.invalidateQueries({ queryKey: keys.ownSessions });
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    work.mutate();
  };
  return (
    <Card title={t("account.password")} text={t("account.password_text")}>
      <form onSubmit={submit}>
        <Stack maw={420}>
          {/* For password stores: whose password it is. */}
          <input type="text" name="username" autoComplete="username" value={me.name} readOnly hidden />
          <PasswordInput
            label={t("account.old")}
            value={old}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
            onChange={(event) => setOld(event.currentTarget.value)}
            error={work.error ? textOf(work.error) : null}
          />
          <Stack gap={6}>
            <PasswordInput
              label={t("account.new")}
              value={next}
              maxLength={200}
              autoComplete="new-password"
              visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
              onChange={(event) => setNext(event.currentTarget.value)}
            />
            <PasswordMeter password={next} />
          </Stack>
          {work.isSuccess && next === "" && <Text role="status">{t("account.changed")}</Text>}
          <Group>
            <Button
              type="submit"
              loading={work.isPending}
              disabled={old === "" || strengthOf(next) === 0}
            >
              {t("account.change")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

function OwnSessions() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const list = useQuery({ queryKey: keys.ownSessions, queryFn: api.ownSessions });
  const refresh = () => void cache.invalidateQueries({ queryKey: keys.ownSessions });
  const others = useMutation({
    mutationFn: api.endOtherSessions,
    onSuccess: refresh,
    onError: report,
  });
  const items = list.data?.items ?? [];
  return (
    <Card title={t("account.sessions")} text={t("account.sessions_text")}>
      {list.error && <Failure error={list.error} />}
      {list.data && <Sessions sessions={items} end={api.endOwnSession} ended={refresh} />}
      {items.some((session) => !session.current) && (
        <Group>
          <Button variant="default" loading={others.isPending} onClick={() => others.mutate()}>
            {t("account.sessions_end")}
          </Button>
        </Group>
      )}
    </Card>
  );
}
