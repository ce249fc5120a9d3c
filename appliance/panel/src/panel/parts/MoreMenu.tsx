// What one rarely does with a thing: give it another name, delete it. Both ask first.
import { Button, Menu } from "@mantine/core";
import { IconChecklist, IconDotsVertical, IconLock, IconLockOpen, IconPencil, IconTemplate, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

interface MoreMenuProps {
  rename: () => void;
  remove: () => void;
  /** What deleting is called here. */
  removal: string;
  /** It cannot be deleted now. */
  kept?: boolean;
  /** Keeps how it is set for others of its kind. */
  template?: () => void;
  /** Has it take the settings that are kept under a name. */
  fromTemplate?: () => void;
  /** Keeps it from being deleted by the box, or not any more. */
  hold?: { held: boolean; change: () => void };
}

export function MoreMenu({ rename, remove, removal, kept = false, template, fromTemplate, hold }: MoreMenuProps) {
  const { t } = useTranslation("panel");
  return (
    <Menu>
      <Menu.Target>
        <Button variant="default" px="xs" aria-label={t("more")}>
          <IconDotsVertical size={18} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={rename}>
          {t("rename")}
        </Menu.Item>
        {fromTemplate && (
          <Menu.Item leftSection={<IconChecklist size={16} aria-hidden />} onClick={fromTemplate}>
            {t("applying.room")}
          </Menu.Item>
        )}
        {template && (
          <Menu.Item leftSection={<IconTemplate size={16} aria-hidden />} onClick={template}>
            {t("templates.save_room")}
          </Menu.Item>
        )}
        {hold && (
          <Menu.Item
            leftSection={hold.held ? <IconLockOpen size={16} aria-hidden /> : <IconLock size={16} aria-hidden />}
            onClick={hold.change}
          >
            {t(hold.held ? "retention.release" : "retention.hold")}
          </Menu.Item>
        )}
        <Menu.Item
          color="red"
          disabled={kept}
          leftSection={<IconTrash size={16} aria-hidden />}
          onClick={remove}
        >
          {removal}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
