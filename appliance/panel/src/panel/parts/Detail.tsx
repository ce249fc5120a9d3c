// A page about one thing of a list: the way back, then the thing, or why it is not there.
import { Button, Skeleton } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Failure } from "./Failure";

interface DetailProps<T> {
  /** The list that it is in. */
  of: "rooms" | "recordings" | "settings";
  query: UseQueryResult<T>;
  /** About how high the page will be, in pixels. */
  height: number;
  children: (found: T) => ReactNode;
}

export function Detail<T>({ of, query, height, children }: DetailProps<T>) {
  const { t } = useTranslation("panel");
  return (
    <>
      <Button
        component={Link}
        href={`/${of}`}
        variant="subtle"
        color="gray"
        size="compact-sm"
        mb="xs"
        ml={-8}
        leftSection={<IconChevronLeft size={16} aria-hidden />}
      >
        {t(`nav.${of}`)}
      </Button>
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton height={height} radius="lg" />}
      {query.data !== undefined && children(query.data)}
    </>
  );
}
