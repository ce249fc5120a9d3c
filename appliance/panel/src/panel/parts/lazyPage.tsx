// Pages come when somebody goes there.
import { Box, Skeleton } from "@mantine/core";
import { lazy, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { Reload } from "./Reload";

/** For a network that is being changed. */
const ONCE_MORE_MS = 1_000;

/** A page of its own chunk. Where that is gone from the box, which was updated while the panel stood open,
 * the page says so. */
export function lazyPage<Props>(load: () => Promise<ComponentType<Props>>) {
  return lazy(async () => {
    try {
      const later = () => new Promise((come) => setTimeout(come, ONCE_MORE_MS)).then(load);
      return { default: await load().catch(later) };
    } catch {
      return { default: Reload as ComponentType<Props> };
    }
  });
}

/** Nothing at first: most pages are there before anybody would have read that they are awaited. */
export function PageAwaited() {
  const { t } = useTranslation("panel");
  return (
    <Box className="awaited" role="status" aria-label={t("page.loading")}>
      <Skeleton height={36} width={220} mb="lg" />
      <Skeleton height={240} radius="lg" />
    </Box>
  );
}
