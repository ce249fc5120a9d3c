// Several recordings become one more: in which order, how long, what it is called, and what that costs.
import { Button, Group, Modal, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { Name } from "../../Name";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { MergePlan, Recording } from "../../api/schema";
import { byBeginning, moved } from "../../merge";
import { useFormat } from "../wording";
import { Failure } from "./Failure";

interface MergeDialogProps {
  chosen: Recording[];
  close: () => void;
}

export function MergeDialog({ chosen, close }: MergeDialogProps) {
  const { t } = useTranslation(["panel", "shared"]);
  const format = useFormat();
  const cache = useQueryClient();
  const [, go] = useLocation();
  const [order, setOrder] = useState(() => byBeginning(chosen));
  const [title, setTitle] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const ids = order.map(({ id }) => id);
  const plan = useQuery({
    queryKey: keys.mergePlan(ids),
    queryFn: () => api.mergePlan(ids),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const work = useMutation({
    mutationFn: () => api.merge(ids, title.trim()),
    onSuccess(made) {
      void cache.invalidateQueries({ queryKey: keys.jobs });
      void cache.invalidateQueries({ queryKey: keys.recordings });
      close();
      go(`/recordings/${made.id}`);
    },
  });
  const move = (from: number, by: -1 | 1) => {
    setOrder(moved(order, from, by));
    // The keyboard stays with what was moved; at an end only the other way is left.
    const to = from + by;
    const up = to === 0 ? false : to === order.length - 1 ? true : by < 0;
    requestAnimationFrame(() => {
      const row = list.current?.children.item(to);
      row?.querySelector<HTMLButtonElement>(up ? "[data-up]" : "[data-down]")?.focus();
    });
  };
  const partOf = (id: string) => plan.data?.parts.find(({ recording_id }) => recording_id === id);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    work.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      title={t("merge.title")}
      closeButtonProps={{ "aria-label": t("shared:close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm" c="dimmed">
            {t("merge.text")}
          </Text>
          <ol ref={list} aria-label={t("merge.order")} className="merge-order">
            {order.map((recording, n) => (
              <li key={recording.id}>
                <Text span c="dimmed" aria-hidden>
                  {n + 1}
                </Text>
                <Stack gap={0} miw={0}>
                  <Text style={{ overflowWrap: "anywhere" }}>
                    <Name>{recording.title}</Name>
                  </Text>
                  <Text size="sm" c="dimmed">
                    {/* Its newest film's, which may be a part of it. */}
                    {format.clock(partOf(recording.id)?.duration_ms ?? recording.duration_ms)}
                    {!plan.isPlaceholderData && partOf(recording.id)?.kept === false && ` · ${t("merge.coded")}`}
                  </Text>
                </Stack>
                <Group gap={4} wrap="nowrap">
                  <Button
                    data-up
                    variant="default"
                    size="compact-md"
                    px={6}
                    disabled={n === 0}
                    aria-label={t("merge.up", { title: recording.title })}
                    onClick={() => move(n, -1)}
                  >
                    <IconArrowUp size={16} aria-hidden />
                  </Button>
                  <Button
                    data-down
                    variant="default"
                    size="compact-md"
                    px={6}
                    disabled={n === order.length - 1}
                    aria-label={t("merge.down", { title: recording.title })}
                    onClick={() => move(n, 1)}
                  >
                    <IconArrowDown size={16} aria-hidden />
                  </Button>
                </Group>
              </li>
            ))}
          </ol>
          <TextInput
            label={t("merge.name")}
            description={t("merge.name_text")}
            value={title}
            maxLength={100}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
          {plan.error && <Failure error={plan.error} />}
          {plan.isPending && <Skeleton height={24} />}
          {plan.data && !plan.error && (
            <Text role="status">
              {t("merge.length", { length: format.clock(plan.data.duration_ms) })}{" "}
              <MergeCost plan={plan.data} />
            </Text>
          )}
          {work.error && <Failure error={work.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("shared:cancel")}
            </Button>
            <Button type="submit" loading={work.isPending} disabled={plan.error !== null}>
              {t("merge.make")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function MergeCost({ plan }: { plan: MergePlan }) {
  const { t } = useTranslation("panel");
  if (plan.lossless === null) return t("merge.cost.unknown");
  if (plan.lossless) return t("merge.cost.none");
  const coded = plan.parts.flatMap(({ kept }, n) => (kept === false ? [n + 1] : []));
  return t("merge.cost.some", { count: coded.length, parts: coded.join(", ") });
}
