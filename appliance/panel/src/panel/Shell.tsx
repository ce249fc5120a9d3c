// The frame of every page: name, places, the live link, language and colours.
import { AppShell, Box, Group, Stack, Text } from "@mantine/core";
import {
  IconActivity,
  IconCalendarTime,
  IconDoor,
  IconHome,
  IconMovie,
  IconSettings,
  IconUserCircle,
  type Icon,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { Name } from "../Name";
import { followEvents } from "../api/events";
import type { Action, BoxView, Me } from "../api/schema";
import { HealthNotice } from "./parts/Alarms";
import { CertificateNotice } from "./parts/CertificateNotice";
import { ConnectionBar } from "./parts/ConnectionBar";
import { Appearance } from "./parts/Appearance";
import { TrialNotice } from "./network/Trial";
import { Mark } from "./parts/Mark";
import { ProvisioningNotice } from "./parts/ProvisioningNotice";
import { SearchButton } from "./search/SearchButton";
import { useFound } from "./search/useFound";
import { useMay } from "./session";

const PLACES = [
  { to: "/", icon: IconHome, words: "nav.home" },
  { to: "/rooms", icon: IconDoor, words: "nav.rooms" },
  { to: "/schedule", icon: IconCalendarTime, words: "nav.schedule" },
  { to: "/recordings", icon: IconMovie, words: "nav.recordings" },
  { to: "/status", icon: IconActivity, words: "nav.status", wide: true },
  { to: "/settings", icon: IconSettings, words: "nav.settings", needs: "configure" },
  { to: "/account", icon: IconUserCircle, words: "nav.account" },
] as const satisfies { to: string; icon: Icon; words: string; needs?: Action; wide?: true }[];

interface ShellProps {
  box: BoxView;
  person: Me;
  children: ReactNode;
}

export function Shell({ box, person, children }: ShellProps) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  useEffect(() => followEvents(cache), [cache]);
  useFound();
  const [location] = useLocation();

  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 224, breakpoint: "sm", collapsed: { mobile: true } }}
      footer={{ height: { base: 60, sm: 0 } }}
      padding={{ base: "md", sm: "lg" }}
    >
      <a className="skip" href="#page">
        {t("nav.skip")}
      </a>
      <AppShell.Header>
        <Group h="100%" px={{ base: "md", sm: "lg" }} justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Mark size={28} />
            <Text fw={600} truncate>
              <Name>{box.name}</Name>
            </Text>
            {box.dev && (
              <Text size="xs" c="dimmed" visibleFrom="sm">
                {t("nav.dev")}
              </Text>
            )}
          </Group>
          <Group gap={4} wrap="nowrap">
            <SearchButton />
            <Appearance />
          </Group>
        </Group>
      </AppShell.Header>

      <AppShell.Navbar p="sm" aria-label={t("nav.label")} visibleFrom="sm">
        <Stack gap={4}>
          <Places wide />
        </Stack>
        <Text size="xs" c="dimmed" mt="auto" p="xs">
          <Name>{person.name}</Name>
          <br />
          Roombox {box.version}
        </Text>
      </AppShell.Navbar>

      <AppShell.Main>
        <ConnectionBar />
        {person.may.includes("run_network") && <TrialNotice />}
        {person.may.includes("configure") && <ProvisioningNotice />}
        {person.may.includes("configure") && <CertificateNotice />}
        {person.may.includes("configure") && location !== "/" && <HealthNotice />}
        <Box id="page" className="page" tabIndex={-1} style={{ outline: "none" }}>
          {children}
        </Box>
      </AppShell.Main>

      <AppShell.Footer hiddenFrom="sm">
        <nav className="tabs" aria-label={t("nav.label")}>
          <Places wide={false} />
        </nav>
      </AppShell.Footer>
    </AppShell>
  );
}

/** `wide`: with those that do not fit beside the others on a phone, where the first page leads there. */
function Places({ wide }: { wide: boolean }) {
  const { t } = useTranslation("panel");
  const [location] = useLocation();
  const may = useMay();
  const shown = PLACES.filter(
    (place) => (!("needs" in place) || may(place.needs)) && (wide || !("wide" in place)),
  );
  return shown.map(({ to, icon: Picture, words }) => (
    <Link
      key={to}
      href={to}
      className="nav-link"
      aria-current={(to === "/" ? location === to : location.startsWith(to)) ? "page" : undefined}
    >
      <Picture size={22} stroke={1.7} aria-hidden />
      {t(words)}
    </Link>
  ));
}
