// The first hour: step by step from a claimed box to a recording that plays. Each step has an address, and
// what is open the box knows, so that people can leave anywhere and go on at another device.
import { Skeleton, Stack, Text, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconMinus } from "@tabler/icons-react";
import { Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link, Redirect, useLocation } from "wouter";
import type { BoxView, Me, SetupView, StepMark } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { Heading } from "../parts/Heading";
import { lazyPage } from "../parts/lazyPage";
import { BoxStep } from "./BoxStep";
import { CertificateStep } from "./CertificateStep";
import { FinishStep } from "./FinishStep";
import { OwnerStep } from "./OwnerStep";
import { ReachStep } from "./ReachStep";
import { RoomStep } from "./RoomStep";
import type { StepProps } from "./StepFrame";
import {
  after,
  before,
  countDone,
  COUNTED,
  firstOpen,
  openSteps,
  placeOf,
  PLACES,
  stateOf,
  type Place,
} from "./steps";
import { useSaySetup, useSetup } from "./useSetup";

/** With what speaks to the media plane, which is larger than the rest of the panel. */
const CallStep = lazyPage(() => import("./call/CallStep").then((part) => part.default));

interface SetupPageProps {
  box: BoxView;
  me: Me;
  /** Of the address. */
  step?: string | undefined;
}

export function SetupPage({ box, me, step }: SetupPageProps) {
  const { t } = useTranslation("setup");
  const view = useSetup();
  const place = placeOf(step);
  return (
    <>
      <Heading title={t("title")} lead={view.data && <Progress view={view.data} />} />
      {view.error && <Failure error={view.error} retry={() => void view.refetch()} />}
      {view.isPending && <Skeleton height={360} radius="lg" />}
      {view.data && place === null && <Redirect to={`/setup/${firstOpen(view.data)}`} replace />}
      {view.data && place !== null && (
        <Stack gap="md" maw={760}>
          <Steps view={view.data} here={place} />
          <Step key={place} box={box} me={me} view={view.data} place={place} />
        </Stack>
      )}
    </>
  );
}

function Progress({ view }: { view: SetupView }) {
  const { t } = useTranslation("setup");
  const open = openSteps(view).map((step) => t(`step.${step}`));
  return (
    <>
      {t("done_of", { done: countDone(view), all: COUNTED })}{" "}
      {open.length === 0 ? t("nothing_open") : t("open", { steps: open.join(", ") })}{" "}
      {open.length > 0 && t("leave")}
    </>
  );
}

function Steps({ view, here }: { view: SetupView; here: Place }) {
  const { t } = useTranslation("setup");
  return (
    <nav aria-label={t("steps")}>
      <ol className="setup-steps">
        {PLACES.map((place, at) => {
          const state = stateOf(view, place);
          return (
            <li key={place}>
              <Link
                href={`/setup/${place}`}
                className={`setup-step ${state}`}
                aria-current={place === here ? "step" : undefined}
              >
                <span className="setup-mark">
                  {state === "done" ? (
                    <IconCheck size={16} aria-hidden />
                  ) : state === "skipped" ? (
                    <IconMinus size={16} aria-hidden />
                  ) : (
                    at + 1
                  )}
                </span>
                <span className="setup-word">{t(`step.${place}`)}</span>
                <VisuallyHidden>({t(`state.${state}`)})</VisuallyHidden>
              </Link>
            </li>
          );
        })}
      </ol>
      <Text className="setup-here" fw={600} hiddenFrom="sm">
        {PLACES.indexOf(here) + 1}. {t(`step.${here}`)}
      </Text>
    </nav>
  );
}

interface WhichStepProps {
  box: BoxView;
  me: Me;
  view: SetupView;
  place: Place;
}

function Step({ box, me, view, place }: WhichStepProps) {
  const [, go] = useLocation();
  const say = useSaySetup();
  // Whoever goes on reads from the beginning.
  useEffect(() => {
    window.scrollTo(0, 0);
  }, []);
  const onward = () => go(`/setup/${after(place)}`);
  const mark = async (word: StepMark) => {
    if (place !== "owner" && place !== "done") await say.mutateAsync({ [place]: word });
  };
  const earlier = before(place);
  const props: StepProps = {
    state: stateOf(view, place),
    back: earlier && `/setup/${earlier}`,
    mark,
    onward,
  };
  switch (place) {
    case "owner":
      return <OwnerStep me={me} {...props} />;
    case "box":
      return <BoxStep box={box} {...props} />;
    case "reach":
      return <ReachStep {...props} />;
    case "certificate":
      return <CertificateStep {...props} />;
    case "room":
      return <RoomStep box={box} {...props} />;
    case "call":
      return (
        <Suspense fallback={<Skeleton height={480} radius="lg" />}>
          <CallStep me={me} passedAt={view.steps.find(({ step }) => step === "call")?.at ?? null} {...props} />
        </Suspense>
      );
    case "done":
      return <FinishStep view={view} {...props} />;
  }
}
