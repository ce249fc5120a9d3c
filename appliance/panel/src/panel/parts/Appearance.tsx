// Language, colours and contrast: small, in the header and on the pages before signing in.
import { ActionIcon, Group, Menu, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconDeviceDesktop,
  IconLanguage,
  IconMoon,
  IconSun,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { chooseContrast, useContrast } from "../../contrast";
import { chooseLanguage, LANGUAGES } from "../../i18n/start";

const SCHEMES = [
  { value: "auto", icon: IconDeviceDesktop, words: "appearance.auto" },
  { value: "light", icon: IconSun, words: "appearance.light" },
  { value: "dark", icon: IconMoon, words: "appearance.dark" },
] as const;

export function Appearance() {
  const { t, i18n } = useTranslation(["panel", "shared"]);
  const contrast = useContrast();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Current = SCHEMES.find((scheme) => scheme.value === colorScheme)?.icon ?? IconSun;
  const tick = <IconCheck size={16} aria-hidden />;

  return (
    <Group gap={4} wrap="nowrap">
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={44} aria-label={t("shared:language")}>
            <IconLanguage size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {LANGUAGES.map(({ code, name }) => (
            <Menu.Item
              key={code}
              lang={code}
              rightSection={i18n.language === code ? tick : null}
              onClick={() => chooseLanguage(code)}
            >
              {name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={44} aria-label={t("appearance.label")}>
            <Current size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {SCHEMES.map(({ value, icon: Picture, words }) => (
            <Menu.Item
              key={value}
              leftSection={<Picture size={16} aria-hidden />}
              rightSection={colorScheme === value ? tick : null}
              onClick={() => setColorScheme(value)}
            >
              {t(words)}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.CheckboxItem checked={contrast} closeMenuOnClick onChange={chooseContrast}>
            {t("shared:contrast")}
          </Menu.CheckboxItem>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
