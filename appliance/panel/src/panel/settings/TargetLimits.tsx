// What goes to a target, of which rooms, when, and how fast.
import { Group, Input, MultiSelect, NumberInput, Radio, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Contents } from "../../api/schema";
import { NARROW } from "./narrow";
import type { TargetFieldsProps } from "./TargetPlace";

const CONTENTS: Contents[] = ["films", "everything"];

export function TargetLimits(props: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const { draft, change, faultOf } = props;
  return (
    <>
      <Radio.Group
        label={t("targets.contents")}
        value={draft.contents}
        onChange={(value) => change({ contents: value as Contents })}
      >
        <Stack gap="xs" mt="xs">
          {CONTENTS.map((each) => (
            <Radio
              key={each}
              value={each}
              label={t(`targets.contents_${each}`)}
              description={t(`targets.contents_${each}_text`)}
            />
          ))}
        </Stack>
      </Radio.Group>
      <Rooms {...props} />
      <When {...props} />
      <NumberInput
        label={t("targets.megabits")}
        description={t("targets.megabits_text")}
        placeholder={t("targets.megabits_none")}
        suffix=" Mbit/s"
        min={1}
        max={100_000}
        allowDecimal={false}
        styles={NARROW}
        value={draft.megabits}
        error={faultOf("megabits")}
        onChange={(megabits) => change({ megabits })}
      />
    </>
  );
}

interface EitherProps {
  label: string;
  /** What the first choice, the usual one, is called; and the other. */
  usual: string;
  other: string;
  isUsual: boolean;
  choose: (isUsual: boolean) => void;
}

function Either({ label, usual, other, isUsual, choose }: EitherProps) {
  return (
    <Input.Wrapper label={label} labelElement="div">
      <SegmentedControl
        fullWidth
        aria-label={label}
        data={[
          { value: "usual", label: usual },
          { value: "other", label: other },
        ]}
        value={isUsual ? "usual" : "other"}
        onChange={(value) => choose(value === "usual")}
      />
    </Input.Wrapper>
  );
}

function Rooms({ draft, change }: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const rooms = useQuery({ queryKey: keys.rooms, queryFn: api.rooms });
  const data = rooms.data?.items.map(({ id, name }) => ({ value: id, label: name })) ?? [];
  // A room that is gone may still have recordings.
  for (const id of draft.rooms) {
    if (!data.some(({ value }) => value === id)) data.push({ value: id, label: id });
  }
  return (
    <>
      <Either
        label={t("targets.rooms")}
        usual={t("targets.rooms_all")}
        other={t("targets.rooms_some")}
        isUsual={draft.rooms_all}
        choose={(rooms_all) => change({ rooms_all })}
      />
      {!draft.rooms_all && (
        <MultiSelect
          label={t("targets.rooms_choose")}
          data={data}
          value={draft.rooms}
          required
          searchable
          onChange={(chosen) => change({ rooms: chosen })}
        />
      )}
    </>
  );
}

function When({ draft, change }: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  return (
    <>
      <Either
        label={t("targets.when")}
        usual={t("targets.anytime")}
        other={t("targets.between")}
        isUsual={draft.anytime}
        choose={(anytime) => change({ anytime })}
      />
      {!draft.anytime && (
        <Stack gap={4}>
          <Group gap="md" align="flex-start">
            {(["from", "until"] as const).map((name) => (
              <TextInput
                key={name}
                type="time"
                label={t(`targets.${name}`)}
                value={draft[name]}
                required
                onChange={(event) => change({ [name]: event.currentTarget.value })}
              />
            ))}
          </Group>
          <Text size="xs" c={draft.from === draft.until ? "var(--mantine-color-error)" : "dimmed"}>
            {t(draft.from === draft.until ? "targets.between_same" : "targets.between_text")}
          </Text>
        </Stack>
      )}
    </>
  );
}
