// What every step has: its title, what it is for, and the ways back, on and past it.
import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { StepMark, StepState } from "../../api/schema";
import { Failure } from "../parts/Failure";

export interface StepProps {
  state: StepState;
  /** Where the step before is. */
  back: string | null;
  /** Tells the box what became of this step. */
  mark: (word: StepMark) => Promise<void>;
  /** Goes to the next step. */
  onward: () => void;
}

interface StepFrameProps extends StepProps {
  title: string;
  text: string;
  /** What the button says; else "Next". */
  action?: string | undefined;
  /** Done before going on; what it throws is shown, and nobody goes on. */
  finish?: () => Promise<unknown>;
  /** Why nobody can go on but past it, as people read it; "" while that is not known yet. */
  stuck?: string | false;
  /** "Leave out" is not what the other button does. */
  skippable?: boolean;
  children: ReactNode;
}

export function StepFrame(props: StepFrameProps) {
  const { state, back, mark, onward, finish, stuck = false, skippable = true, action } = props;
  const { t } = useTranslation("setup");
  const title = useId();
  const why = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  // Whoever goes on, by keys or by ear, begins at the title of the new step.
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const pass = useMutation({ mutationFn: async () => await finish?.(), onSuccess: onward });
  const skip = useMutation({ mutationFn: () => mark("skipped"), onSuccess: onward });
  return (
    <>
      <Paper className="surface" p={{ base: "md", sm: "lg" }} component="section" aria-labelledby={title}>
        <Stack gap="md">
          <Stack gap={4}>
            <Title order={2} size="h3" id={title} ref={heading} tabIndex={-1} style={{ outline: "none" }}>
              {props.title}
            </Title>
            <Text c="dimmed">{props.text}</Text>
          </Stack>
          {props.children}
        </Stack>
      </Paper>
      {pass.error && <Failure error={pass.error} />}
      {skip.error && <Failure error={skip.error} />}
      {stuck && (
        <Text size="sm" c="dimmed" ta="right" id={why}>
          {stuck}
        </Text>
      )}
      <Group justify="space-between" gap="sm">
        {back ? (
          <Button component={Link} href={back} variant="default">
            {t("back")}
          </Button>
        ) : (
          <span />
        )}
        <Group gap="sm">
          {state === "open" && skippable && (
            <Button variant="subtle" color="gray" loading={skip.isPending} onClick={() => skip.mutate()}>
              {t("skip")}
            </Button>
          )}
          <Button loading={pass.isPending} disabled={stuck !== false} aria-describedby={stuck ? why : undefined} onClick={() => pass.mutate()}>
            {action ?? t("next")}
          </Button>
        </Group>
      </Group>
    </>
  );
}
