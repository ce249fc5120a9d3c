// Where a target is and what opens it: only the fields that its kind has.
import {
  Group,
  Input,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  SimpleGrid,
  Switch,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Draft } from "./targetDraft";

export interface TargetFieldsProps {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  /** The box has nothing of it yet. */
  isNew: boolean;
  /** What the box said about a field. */
  faultOf: (field: string) => string | null;
}

/** Fields that hold a text. */
type Texts = { [K in keyof Draft]: Draft[K] extends string ? (string extends Draft[K] ? K : never) : never }[keyof Draft];

/** A field of the draft, as its input wants it. */
function useField({ draft, change, faultOf }: TargetFieldsProps) {
  return (name: Texts) => ({
    value: draft[name],
    maxLength: 2000,
    error: faultOf(name),
    // Browsers would offer the owner's own.
    autoComplete: "off",
    autoCapitalize: "none",
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) =>
      change({ [name]: event.currentTarget.value }),
  });
}

export function TargetPlace(props: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const field = useField(props);
  const Fields = { folder: Folder, s3: S3, webdav: Webdav, sftp: Sftp }[props.draft.kind];
  return (
    <>
      <TextInput
        label={t("targets.name")}
        description={t("targets.name_text")}
        {...field("name")}
        maxLength={100}
        required
        autoFocus
        data-autofocus
      />
      <Fields {...props} />
    </>
  );
}

function Folder(props: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const field = useField(props);
  return (
    <>
      <TextInput
        label={t("targets.folder.path")}
        description={t("targets.folder.path_text")}
        placeholder="/run/media/disk"
        {...field("path")}
        required
      />
      <Switch
        label={t("targets.folder.mounted")}
        description={t("targets.folder.mounted_text")}
        checked={props.draft.mounted}
        onChange={(event) => props.change({ mounted: event.currentTarget.checked })}
      />
    </>
  );
}

function S3(props: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const field = useField(props);
  return (
    <>
      <TextInput
        label={t("targets.s3.endpoint")}
        description={t("targets.s3.endpoint_text")}
        placeholder="https://minio.example.org"
        type="url"
        {...field("endpoint")}
      />
      <TextInput
        label={t("targets.s3.bucket")}
        description={t("targets.s3.bucket_text")}
        placeholder="films"
        {...field("bucket")}
        required
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
        <TextInput
          label={t("targets.s3.prefix")}
          description={t("targets.s3.prefix_text")}
          placeholder="box"
          {...field("prefix")}
        />
        <TextInput
          label={t("targets.s3.region")}
          description={t("targets.s3.region_text")}
          placeholder="us-east-1"
          {...field("region")}
        />
      </SimpleGrid>
      <TextInput label={t("targets.s3.access_key")} {...field("access_key")} required />
      <Secret {...props} label={t("targets.s3.secret_key")} name="secret_key" required={props.isNew} />
    </>
  );
}

function Webdav(props: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const field = useField(props);
  return (
    <>
      <TextInput
        label={t("targets.webdav.url")}
        description={t("targets.webdav.url_text")}
        placeholder="https://cloud.example.org/remote.php/dav/files/ada/films"
        type="url"
        {...field("url")}
        required
      />
      <TextInput
        label={t("targets.webdav.user")}
        description={t("targets.webdav.user_text")}
        {...field("user")}
      />
      <Secret
        {...props}
        label={t("targets.webdav.password")}
        description={t("targets.webdav.password_text")}
        name="password"
      />
    </>
  );
}

function Sftp(props: TargetFieldsProps) {
  const { t } = useTranslation("panel");
  const { draft, change, isNew, faultOf } = props;
  const field = useField(props);
  return (
    <>
      <Group align="flex-start" wrap="nowrap">
        <TextInput
          flex={1}
          label={t("targets.sftp.host")}
          description={t("targets.sftp.host_text")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          placeholder="nas.example.org"
          {...field("host")}
          required
        />
        <NumberInput
          w={96}
          label={t("targets.sftp.port")}
          min={1}
          max={65_535}
          allowDecimal={false}
          hideControls
          value={draft.port}
          error={faultOf("port")}
          onChange={(port) => change({ port })}
        />
      </Group>
      <TextInput label={t("targets.sftp.user")} placeholder="ada" {...field("user")} required />
      <TextInput
        label={t("targets.sftp.folder")}
        description={t("targets.sftp.folder_text")}
        placeholder="/volume1/films"
        {...field("folder")}
      />
      <Input.Wrapper label={t("targets.sftp.opens")} labelElement="div">
        <SegmentedControl
          fullWidth
          aria-label={t("targets.sftp.opens")}
          data={(["password", "private_key"] as const).map((value) => ({
            value,
            label: t(`targets.sftp.with_${value}`),
          }))}
          value={draft.opens}
          onChange={(value) => change({ opens: value as Draft["opens"] })}
        />
      </Input.Wrapper>
      {draft.opens === "password" ? (
        <Secret {...props} label={t("targets.sftp.password")} name="password" required={isNew} />
      ) : (
        <Textarea
          label={t("targets.sftp.private_key")}
          description={t("targets.sftp.private_key_text")}
          {...field("private_key")}
          maxLength={16_384}
          placeholder={isNew ? "-----BEGIN OPENSSH PRIVATE KEY-----" : t("targets.unchanged")}
          required={isNew}
          autosize
          minRows={4}
          maxRows={8}
          styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
        />
      )}
      {isNew ? (
        <Text size="sm" c="dimmed">
          {t("targets.sftp.host_key_new")}
        </Text>
      ) : (
        <TextInput
          label={t("targets.sftp.host_key")}
          description={t("targets.sftp.host_key_text")}
          placeholder="SHA256:"
          {...field("host_key")}
          styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
        />
      )}
    </>
  );
}

interface SecretProps extends TargetFieldsProps {
  label: string;
  description?: string;
  name: "secret_key" | "password";
  required?: boolean;
}

/** Never shown again: empty means that it stays. */
function Secret({ label, description, name, required = false, ...props }: SecretProps) {
  const { t } = useTranslation("panel");
  const field = useField(props);
  return (
    <PasswordInput
      label={label}
      description={description}
      {...field(name)}
      autoComplete="new-password"
      placeholder={props.isNew ? undefined : t("targets.unchanged")}
      required={required}
      visibilityToggleButtonProps={{ "aria-label": t("show_password") }}
    />
  );
}
