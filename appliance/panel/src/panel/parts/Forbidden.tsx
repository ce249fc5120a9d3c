// What somebody sees who comes to a page that their role may not see.
import { Button } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { Action, Role } from "../../api/schema";
import { useMay, useSession } from "../session";
import { EmptyState } from "./EmptyState";

/** The page, or why it is not shown. `least` is the role with the fewest rights that sees it. */
export function Permitted({ action, least, children }: { action: Action; least: Role; children: ReactNode }) {
  const may = useMay();
  return may(action) ? children : <Forbidden least={least} />;
}

function Forbidden({ least }: { least: Role }) {
  const { t } = useTranslation("panel");
  const role = useSession().data?.role ?? "viewer";
  return (
    <EmptyState
      alone
      icon={IconLock}
      title={t("forbidden.title")}
      text={t("forbidden.text", { role: t(`people_page.role.${role}`), who: t(`forbidden.who.${least}`) })}
    >
      <Button component={Link} href="/rooms">
        {t("nothing.go")}
      </Button>
    </EmptyState>
  );
}
