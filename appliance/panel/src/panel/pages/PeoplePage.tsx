// Who may sign in to this box, what each may do, and who is invited.
import { Button, Group, Menu, Modal, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconDeviceLaptop,
  IconBuilding,
  IconDotsVertical,
  IconLock,
  IconLockOpen,
  IconShieldCheck,
  IconShieldOff,
  IconTrash,
  IconUserPlus,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { ListedPerson, PersonInvite, PersonPatch } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Failure, useReportFailure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { InvitePersonDialog } from "../parts/InvitePersonDialog";
import { NameDialog } from "../parts/NameDialog";
import { RoleSelect } from "../parts/RoleSelect";
import { Sessions } from "../parts/Sessions";
import { StateBadge } from "../parts/StateBadge";
import { useSession } from "../session";
import { useFormat } from "../wording";

const FACTOR = { icon: IconShieldCheck, color: "teal" } as const;
const ELSEWHERE = { icon: IconBuilding, color: "blue" } as const;
const LOCKED = { icon: IconLock, color: "red" } as const;

export function PeoplePage() {
  const { t } = useTranslation("panel");
  const people = useQuery({ queryKey: keys.people, queryFn: api.people });
  const [inviting, invite] = useDisclosure(false);
  return (
    <>
      <Heading title={t("people_page.title")} lead={t("people_page.lead")}>
        <Button leftSection={<IconUserPlus size={18} aria-hidden />} onClick={invite.open}>
          {t("people_page.invite")}
        </Button>
      </Heading>
      <Stack gap="md" maw={760}>
        {people.error && <Failure error={people.error} retry={() => void people.refetch()} />}
        {people.isPending && <Skeleton height={160} radius="lg" />}
        {people.data && (
          <Paper className="surface" p="md">
            <Stack gap="lg" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
              {people.data.items.map((person) => (
                <Row key={person.id} person={person} />
              ))}
            </Stack>
          </Paper>
        )}
        <Invites />
      </Stack>
      <InvitePersonDialog opened={inviting} close={invite.close} />
    </>
  );
}

function Row({ person }: { person: ListedPerson }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const managed = person.identity?.managed ?? false;
  const own = useSession().data?.id === person.id;
  const refresh = () => cache.invalidateQueries({ queryKey: keys.people });
  const change = useMutation({
    mutationFn: (patch: PersonPatch) => api.changePerson(person.id, patch),
    onSettled: refresh,
    onError: report,
  });
  return (
    <Group component="li" justify="space-between" gap="xs" align="flex-start">
      <Stack gap={2} flex="1 1 240px" miw={0}>
        <Group gap="xs">
          <Text fw={500} style={{ overflowWrap: "anywhere" }}>
            <Name>{person.name}</Name>
          </Text>
          {own && (
            <Text size="xs" c="dimmed">
              {t("people_page.you")}
            </Text>
          )}
          {person.second_factor && <StateBadge look={FACTOR} word={t("factor.title")} />}
          {person.identity && (
            <StateBadge
              look={ELSEWHERE}
              word={t(person.identity.managed ? "oidc.managed" : "oidc.connected")}
            />
          )}
          {person.disabled && <StateBadge look={LOCKED} word={t("people_page.disabled")} />}
        </Group>
        <Text size="xs" c="dimmed">
          {person.last_seen_at ? (
            <>
              {t("people_page.seen")} <Ago at={person.last_seen_at} />
            </>
          ) : (
            t("people_page.unseen")
          )}
        </Text>
        {person.identity && (
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {[person.identity.mail, person.identity.issuer].filter((part) => part !== "").join(" · ")}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {t(`people_page.may.${person.role}`)}
          {managed && ` ${t("oidc.managed_text")}`}
        </Text>
      </Stack>
      <Group gap={4} wrap="nowrap">
        <RoleSelect
          w={150}
          value={person.role}
          aria-label={t("people_page.role_of", { name: person.name })}
          disabled={change.isPending || managed}
          change={(role) => change.mutate({ role })}
        />
        <More person={person} lock={() => change.mutate({ disabled: !person.disabled })} />
      </Group>
    </Group>
  );
}

function More({ person, lock }: { person: ListedPerson; lock: () => void }) {
  const { t } = useTranslation(["panel", "shared"]);
  const cache = useQueryClient();
  const [removing, remove] = useDisclosure(false);
  const [looking, look] = useDisclosure(false);
  const [resetting, reset] = useDisclosure(false);
  const { id, name, disabled } = person;
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button variant="default" px="xs" aria-label={t("people_page.more_of", { name })}>
            <IconDotsVertical size={18} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconDeviceLaptop size={16} aria-hidden />} onClick={look.open}>
            {t("people_page.sessions")}
          </Menu.Item>
          <Menu.Item
            leftSection={disabled ? <IconLockOpen size={16} aria-hidden /> : <IconLock size={16} aria-hidden />}
            onClick={lock}
          >
            {t(disabled ? "people_page.unlock" : "people_page.lock")}
          </Menu.Item>
          {person.second_factor && (
            <Menu.Item
              leftSection={<IconShieldOff size={16} aria-hidden />}
              onClick={reset.open}
            >
              {t("factor.reset")}
            </Menu.Item>
          )}
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={remove.open}
          >
            {t("people_page.remove")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <NameDialog
        opened={removing}
        close={remove.close}
        title={t("people_page.remove_title", { name })}
        label={t("people_page.remove_name", { name })}
        description={t("people_page.remove_text")}
        action={t("people_page.remove")}
        run={async (typed) => {
          await api.removePerson(id, typed);
          await cache.invalidateQueries({ queryKey: keys.people });
        }}
      />
      <Confirm
        opened={resetting}
        close={reset.close}
        title={t("factor.reset_title", { name })}
        text={t("factor.reset_text")}
        action={t("factor.reset")}
        run={() => api.removeFactorOf(id)}
        done={() => void cache.invalidateQueries({ queryKey: keys.people })}
      />
      <Modal
        opened={looking}
        onClose={look.close}
        title={t("people_page.sessions_title", { name })}
        closeButtonProps={{ "aria-label": t("shared:close") }}
      >
        <SessionsOf person={id} />
      </Modal>
    </>
  );
}

function SessionsOf({ person }: { person: string }) {
  const cache = useQueryClient();
  const queryKey = keys.sessionsOf(person);
  const list = useQuery({ queryKey, queryFn: () => api.sessionsOf(person) });
  if (list.error) return <Failure error={list.error} />;
  if (!list.data) return <Skeleton height={80} radius="lg" />;
  return (
    <Sessions
      sessions={list.data.items}
      end={(id) => api.endSessionOf(person, id)}
      ended={() => void cache.invalidateQueries({ queryKey })}
    />
  );
}

function Invites() {
  const { t } = useTranslation("panel");
  const invites = useQuery({ queryKey: keys.personInvites, queryFn: api.personInvites });
  const items = invites.data?.items ?? [];
  if (invites.error) return <Failure error={invites.error} />;
  if (items.length === 0) return null;
  return (
    <Paper className="surface" p="md" component="section" aria-label={t("people_page.invites")}>
      <Title order={2} size="h4" mb="sm">
        {t("people_page.invites")}
      </Title>
      <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {items.map((invite) => (
          <Open key={invite.id} invite={invite} />
        ))}
      </Stack>
    </Paper>
  );
}

function Open({ invite }: { invite: PersonInvite }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const report = useReportFailure();
  const revoke = useMutation({
    mutationFn: () => api.revokePersonInvite(invite.id),
    onError: report,
    onSettled: () => cache.invalidateQueries({ queryKey: keys.personInvites }),
  });
  return (
    <Group component="li" justify="space-between" gap="xs">
      <Stack gap={0} miw={0}>
        <Text fw={500} style={{ overflowWrap: "anywhere" }}>
          <Name>{invite.name}</Name>
        </Text>
        <Text size="xs" c="dimmed">
          {t(`people_page.role.${invite.role}`)} ·{" "}
          {t("people_page.invite_until", { when: format.dateTime(invite.expires_at) })}
        </Text>
      </Stack>
      <Button
        variant="default"
        size="compact-sm"
        loading={revoke.isPending}
        aria-label={t("people_page.invite_revoke_named", { name: invite.name })}
        onClick={() => revoke.mutate()}
      >
        {t("people_page.invite_revoke")}
      </Button>
    </Group>
  );
}
