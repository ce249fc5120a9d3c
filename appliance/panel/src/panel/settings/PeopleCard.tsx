// The way to the page of people.
import { Button } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { Card } from "./Card";

export function PeopleCard() {
  const { t } = useTranslation("panel");
  return (
    <Card title={t("people_page.title")} text={t("people_page.lead")}>
      <Button
        component={Link}
        href="/settings/people"
        variant="default"
        leftSection={<IconUsers size={18} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
      >
        {t("people_page.title")}
      </Button>
    </Card>
  );
}
