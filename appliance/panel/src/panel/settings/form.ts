import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Settings } from "../../api/schema";
import type { SaveBarProps } from "./SaveBar";

/** One section of the settings as a form; only that section is sent. */
export function useSection<S extends keyof Settings>(settings: Settings, section: S) {
  const cache = useQueryClient();
  const form = useForm({
    initialValues: { ...settings[section] } as Record<string, unknown> & Settings[S],
  });
  // The fleet, or somebody else, has changed it: what nobody has touched here follows.
  const theirs = JSON.stringify(settings[section]);
  const untouched = !form.isDirty();
  useEffect(() => {
    if (!untouched) return;
    const values = JSON.parse(theirs) as typeof form.values;
    form.setInitialValues(values);
    form.setValues(values);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the form is another one each time
  }, [theirs]);
  const save = useMutation({
    mutationFn: (values: Partial<Settings[S]>) => api.changeSettings({ [section]: values }),
    onSuccess(changed) {
      cache.setQueryData(keys.settings, changed);
      const values = { ...changed[section] } as typeof form.values;
      form.setInitialValues(values);
      form.setValues(values);
    },
  });
  const bar: SaveBarProps = {
    dirty: form.isDirty(),
    saving: save.isPending,
    saved: save.isSuccess,
    error: save.error,
    reset: form.reset,
  };
  return { form, save, bar };
}
