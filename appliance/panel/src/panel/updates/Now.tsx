// Where an update stands, and the one thing that can be done about it.
import { Alert, Button, Code, Group, Loader, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconCircleCheck, IconHourglass, IconQuestionMark } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, Refusal } from "../../api/client";
import type { Updates, UpdateState } from "../../api/schema";
import { share } from "../../format";
import { useRefusalText } from "../../i18n/refusal";
import { Confirm } from "../parts/Confirm";
import { useReportFailure } from "../parts/Failure";
import { useFormat } from "../wording";

type State<S extends UpdateState["state"]> = Extract<UpdateState, { state: S }>;

export function Now({ updates: { now } }: { updates: Updates }) {
  switch (now.state) {
    case "idle":
      return null;
    case "receiving":
      return <Receiving now={now} />;
    case "installing":
      return <Installing now={now} />;
    case "waiting":
      return <Waiting now={now} />;
    case "installed":
      return <Installed now={now} />;
    case "draining":
      return <Draining now={now} />;
    case "failed":
      return <Failed now={now} />;
    case "confirming":
      return <Confirming now={now} />;
    default:
      return <Busy state={now.state} />;
  }
}

interface StepProps {
  icon: ReactNode;
  title: string;
  text?: string;
  children?: ReactNode;
}

function Step({ icon, title, text, children }: StepProps) {
  return (
    <Paper className="surface" p={{ base: "md", sm: "lg" }} component="section" role="status">
      <Stack gap="sm">
        <Group gap="sm" wrap="nowrap">
          {icon}
          <Title order={2} size="h4">
            {title}
          </Title>
        </Group>
        {text && <Text size="sm">{text}</Text>}
        {children}
      </Stack>
    </Paper>
  );
}

const loader = <Loader size={20} type="oval" aria-hidden />;

function Busy({ state }: { state: "checking" | "restarting" }) {
  const { t } = useTranslation("panel");
  return <Step icon={loader} title={t(`updates.now.${state}`)} text={t(`updates.now.${state}_text`)} />;
}

function Receiving({ now }: { now: State<"receiving"> }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const sent = format.bytes(now.received_bytes);
  const total = format.bytes(now.total_bytes);
  return (
    <Step icon={loader} title={t("updates.now.receiving")}>
      <Progress
        value={share(now.received_bytes, now.total_bytes)}
        aria-label={t("updates.now.receiving")}
      />
      <Text size="sm" c="dimmed">
        {t("updates.sources.sent", { sent, total })}
      </Text>
    </Step>
  );
}

function Installing({ now }: { now: State<"installing"> }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { version, percent, step, eta_s: eta } = now;
  const title =
    version === null ? t("updates.now.installing_unknown") : t("updates.now.installing", { version });
  const words = [
    format.percent(percent),
    eta === null ? t("updates.now.eta_unknown") : t("updates.now.eta", { span: format.span(eta) }),
    step,
  ];
  return (
    <Step icon={loader} title={title} text={t("updates.now.installing_text")}>
      <Progress value={percent} aria-label={title} transitionDuration={200} />
      <Text size="sm" c="dimmed">
        {words.filter(Boolean).join(" · ")}
      </Text>
    </Step>
  );
}

/** Who would be disturbed, as a sentence before another. */
function useWho() {
  const { t } = useTranslation("panel");
  return ({ people, recordings }: { people: number; recordings: number }) => {
    const words = [
      people > 0 && t("updates.now.people", { count: people }),
      recordings > 0 && t("updates.now.recordings", { count: recordings }),
    ].filter(Boolean);
    return words.length > 0 ? `${words.join(", ")}. ` : "";
  };
}

function Act({ words, act, main = false }: { words: string; act: () => Promise<unknown>; main?: boolean }) {
  const report = useReportFailure();
  const work = useMutation({ mutationFn: act, onError: report });
  return (
    <Button
      variant={main ? "filled" : "default"}
      loading={work.isPending}
      onClick={() => work.mutate()}
    >
      {words}
    </Button>
  );
}

function Confirming({ now: { version } }: { now: State<"confirming"> }) {
  const { t } = useTranslation("panel");
  return (
    <Step
      icon={<IconQuestionMark size={22} aria-hidden />}
      title={t("updates.now.confirming", { version })}
      text={t("updates.now.confirming_text")}
    >
      <Group>
        <Act main words={t("updates.now.again")} act={() => api.decideUpdate({ again: true })} />
        <Act words={t("updates.cancel")} act={api.cancelUpdate} />
      </Group>
    </Step>
  );
}

function Waiting({ now }: { now: State<"waiting"> }) {
  const { t } = useTranslation("panel");
  const who = useWho();
  return (
    <Step
      icon={<IconHourglass size={22} aria-hidden />}
      title={t("updates.now.waiting", { version: now.version })}
      text={who(now) + t("updates.now.waiting_text")}
    >
      <Group>
        <Act main words={t("updates.now.anyway")} act={() => api.decideUpdate({ now: true })} />
        <Act words={t("updates.cancel")} act={api.cancelUpdate} />
      </Group>
    </Step>
  );
}

function Installed({ now: { version } }: { now: State<"installed"> }) {
  const { t } = useTranslation("panel");
  const [asked, ask] = useDisclosure(false);
  return (
    <Step
      icon={<IconCircleCheck size={22} aria-hidden />}
      title={t("updates.now.installed", { version })}
      text={t("updates.now.installed_text")}
    >
      <Group>
        <Button onClick={ask.open}>{t("updates.now.restart")}</Button>
      </Group>
      <Confirm
        opened={asked}
        close={ask.close}
        title={t("updates.now.restart_title")}
        text={t("updates.now.restart_text")}
        action={t("updates.now.restart")}
        run={() => api.restart({})}
      />
    </Step>
  );
}

function Draining({ now }: { now: State<"draining"> }) {
  const { t } = useTranslation("panel");
  const who = useWho();
  const [asked, ask] = useDisclosure(false);
  return (
    <Step
      icon={<IconHourglass size={22} aria-hidden />}
      title={t("updates.now.draining")}
      text={who(now) + t("updates.now.draining_text")}
    >
      <Group>
        <Button onClick={ask.open}>{t("updates.now.at_once")}</Button>
        <Act words={t("updates.cancel")} act={api.cancelUpdate} />
      </Group>
      <Confirm
        opened={asked}
        close={ask.close}
        title={t("updates.now.at_once_title")}
        text={t("updates.now.at_once_text")}
        action={t("updates.now.at_once")}
        run={() => api.decideUpdate({ now: true })}
      />
    </Step>
  );
}

function Failed({ now: { code, reason, log } }: { now: State<"failed"> }) {
  const { t } = useTranslation("panel");
  const textOf = useRefusalText();
  return (
    <Alert
      color="red"
      role="alert"
      icon={<IconAlertTriangle size={20} aria-hidden />}
      title={t("updates.now.failed")}
    >
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{textOf(new Refusal(409, { code, message: reason }))}</Text>
        <Text size="sm">{t("updates.now.failed_text")}</Text>
        <details>
          <Text component="summary" size="sm">
            {t("updates.now.log")}
          </Text>
          <Code block mt="xs" style={{ whiteSpace: "pre-wrap" }}>
            {[...log, reason].join("\n")}
          </Code>
        </details>
        <Act words={t("updates.dismiss")} act={api.cancelUpdate} />
      </Stack>
    </Alert>
  );
}
