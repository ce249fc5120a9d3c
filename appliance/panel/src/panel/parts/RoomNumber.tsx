// A number of a room's rules, saved when somebody says so.
import { Button, Group, NumberInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys";
import { Confirm } from "./Confirm";
import { NARROW } from "../settings/narrow";
import { useReportFailure } from "./Failure";

interface RoomNumberProps {
  label: string;
  description: string;
  suffix: string;
  max: number;
  /** As the box says it is. */
  value: number;
  change: (value: number) => Promise<unknown>;
  /** What is asked before this is saved; null: nothing. */
  ask?: (value: number) => Question | null;
}

export interface Question {
  title: string;
  text: string;
  action: string;
}

export function RoomNumber({ label, description, suffix, max, value, change, ask }: RoomNumberProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  // What nobody has touched here follows the box.
  const [typed, setTyped] = useState<number | "">();
  const [question, setQuestion] = useState<Question | null>(null);
  const save = useMutation({
    mutationFn: change,
    onSuccess: async (_room, saved) => {
      await cache.invalidateQueries({ queryKey: keys.rooms });
      // What was typed meanwhile stays.
      setTyped((now) => (now === saved ? undefined : now));
    },
    // A question shows it itself.
    onError: (error) => question === null && report(error),
  });
  const wanted = typed ?? value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (wanted === "") return;
    const asked = ask?.(wanted) ?? null;
    if (asked === null) save.mutate(wanted);
    else setQuestion(asked);
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="xs">
        <NumberInput
          label={label}
          description={description}
          suffix={suffix}
          min={0}
          max={max}
          clampBehavior="strict"
          allowDecimal={false}
          styles={NARROW}
          value={wanted}
          // Emptied, it waits for the first digit.
          onChange={(value) => setTyped(value === "" ? "" : Number(value))}
        />
        {wanted !== "" && wanted !== value && (
          <Button type="submit" loading={save.isPending}>
            {t("save")}
          </Button>
        )}
      </Group>
      <Confirm
        opened={question !== null}
        close={() => setQuestion(null)}
        title={question?.title ?? ""}
        text={question?.text ?? ""}
        action={question?.action ?? ""}
        run={() => save.mutateAsync(Number(wanted))}
      />
    </form>
  );
}
