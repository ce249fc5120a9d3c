// In which codecs pictures may be sent, in words: what it costs and whom it excludes.
import { Input, MultiSelect, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { VideoCodec } from "../../api/schema";
import { NARROW } from "../settings/narrow";

const PRESETS = {
  any: [],
  h264: ["h264"],
  h264_vp8: ["h264", "vp8"],
  vp8: ["vp8"],
} as const satisfies Record<string, VideoCodec[]>;
type Preset = keyof typeof PRESETS;
const NAMES = Object.keys(PRESETS) as Preset[];
const OWN = "own";
const CODECS = ["h264", "vp8", "vp9", "av1"] as const satisfies VideoCodec[];

export function presetOf(codecs: VideoCodec[]): Preset | undefined {
  return NAMES.find((name) => PRESETS[name].join() === codecs.join());
}

interface CodecFieldProps {
  value: VideoCodec[];
  change: (codecs: VideoCodec[]) => void;
}

export function CodecField({ value, change }: CodecFieldProps) {
  const { t } = useTranslation("panel");
  const preset = presetOf(value);
  // An own choice that happens to be one of the others stays open while it is made.
  const [own, setOwn] = useState(false);
  const [emptied, setEmptied] = useState(false);
  const chosen = own || preset === undefined ? OWN : preset;
  return (
    <Stack gap="xs">
      <Input.Wrapper
        label={t("codecs.label")}
        description={t("codecs.label_text")}
        labelElement="div"
      >
        <Select
          mt={4}
          aria-label={t("codecs.label")}
          allowDeselect={false}
          styles={NARROW}
          data={[...NAMES, OWN].map((name) => ({
            value: name,
            label: t(`codecs.${name as Preset}`),
          }))}
          value={chosen}
          onChange={(wanted) => {
            setOwn(wanted === OWN);
            setEmptied(false);
            if (wanted === OWN && value.length === 0) change(["h264", "vp8"]);
            const named = NAMES.find((name) => name === wanted);
            if (named) change([...PRESETS[named]]);
          }}
        />
      </Input.Wrapper>
      <Text size="sm" c="dimmed" maw={640}>
        {t(`codecs.${chosen}_text`)}
      </Text>
      {chosen === OWN && (
        <MultiSelect
          label={t("codecs.own_label")}
          searchable
          styles={NARROW}
          data={CODECS.map((codec) => ({ value: codec, label: t(`codecs.names.${codec}`) }))}
          value={emptied ? [] : value}
          // The last one stays what holds until another is chosen.
          error={emptied ? t("codecs.own_none") : null}
          onChange={(wanted) => {
            setEmptied(wanted.length === 0);
            if (wanted.length > 0) change(wanted as VideoCodec[]);
          }}
        />
      )}
    </Stack>
  );
}
