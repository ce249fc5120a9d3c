// What the pages ask of the box.
import type {
  AcmePut,
  AcmeView,
  Alarm,
  ApiToken,
  AuditPage,
  BackupPlanRequest,
  Backups,
  BackupSource,
  BegunFactor,
  BoardEncoder,
  BoardEncoders,
  BoxView,
  BoxWishPatch,
  CertificatePreview,
  CertificatesView,
  CertificateUpload,
  Choice,
  ClaimRestoreRequest,
  ClaimState,
  Copy,
  Day,
  DeletionList,
  Delivery,
  DrillReport,
  Encoder,
  Feed,
  FilmRange,
  FleetRecording,
  FleetView,
  GroupRequest,
  Health,
  InstallRequest,
  Invitation,
  Job,
  JobPatch,
  Layout,
  ListedPerson,
  LivekitKey,
  LiveOutput,
  MailPut,
  MailTrial,
  MailView,
  Me,
  MqttPut,
  MqttTrial,
  MqttView,
  NewApiToken,
  NewCertificateRequest,
  NewEvent,
  NewFeed,
  NewInvite,
  NewLivekitKey,
  NewPersonInvite,
  NewPersonInviteLink,
  NewShare,
  NewShareLink,
  NewTarget,
  NewToken,
  NewWebhook,
  NewWhipKey,
  Outage,
  Output,
  Page,
  Pauses,
  Participant,
  PastUpdate,
  PersonInvite,
  PersonPatch,
  ProvisioningState,
  MergePlan,
  Recording,
  RecoveryCodes,
  Refusals,
  RestoreRequest,
  Room,
  Safekeeping,
  ScheduledEvent,
  ScheduleView,
  Session,
  Settings,
  SettingsPatch,
  Share,
  SoundContainer,
  Status,
  StorageReport,
  SupportView,
  SyslogSettings,
  SyslogView,
  Target,
  TargetPatch,
  TargetTrial,
  TimelineItem,
  ToldEvent,
  TwinView,
  Updates,
  Wave,
  WaveAct,
  WaveRequest,
  Webhook,
  WebhookPatch,
  WebhookTrial,
  WhipKey,
  WhipScope,
  WishesView,
} from "./schema";
import type { FilmIndex } from "../film";
import { ABORTED, askAt, BASE, Refusal, upload, type Method } from "./ask";

export { ABORTED, askAt, BASE, Refusal };

const ask = <T>(method: Method, path: string, body?: unknown): Promise<T> =>
  askAt<T>(BASE, method, path, body);

const part = encodeURIComponent;

export const api = {
  box: () => ask<BoxView>("GET", "/box"),
  renameBox: (name: string) => ask<BoxView>("PATCH", "/box", { name }),

  resetBox: (reset: { name: string; password: string; force: boolean }) =>
    ask<undefined>("POST", "/box/reset", reset),

  provisioning: () => ask<ProvisioningState>("GET", "/provisioning"),
  confirmProvisioning: () => ask<undefined>("POST", "/provisioning"),
  discardProvisioning: () => ask<undefined>("DELETE", "/provisioning"),

  claimState: () => ask<ClaimState>("GET", "/claim"),
  claim: (claim: { code: string; name: string; password: string }) =>
    ask<Me>("POST", "/claim", claim),

  session: () => ask<Me>("GET", "/session"),
  /** Without a name it is the password of whoever has owned the box longest. */
  signIn: (password: string, name: string | null, code: string | null) =>
    ask<Me>("POST", "/session", {
      password,
      ...(name !== null && { name }),
      ...(code !== null && { code }),
    }),
  signOut: () => ask<undefined>("DELETE", "/session"),
  changePassword: (change: { old: string; new: string }) =>
    ask<undefined>("PUT", "/account/password", change),
  beginFactor: (password: string) =>
    ask<BegunFactor>("POST", "/account/second-factor", { password }),
  keepFactor: (code: string) => ask<RecoveryCodes>("PUT", "/account/second-factor", { code }),
  removeFactor: (password: string) =>
    ask<undefined>("DELETE", "/account/second-factor", { password }),
  removeFactorOf: (person: string) =>
    ask<undefined>("DELETE", `/people/${part(person)}/second-factor`),
  ownSessions: () => ask<Page<Session>>("GET", "/account/sessions"),
  endOwnSession: (id: string) => ask<undefined>("DELETE", `/account/sessions/${part(id)}`),
  endOtherSessions: () => ask<{ ended: number }>("DELETE", "/account/sessions"),

  /** The newest first; `before` is the page before's `next`. */
  audit: (asked: string, before: number | null) =>
    ask<AuditPage>("GET", `/audit?${asked}${before === null ? "" : `&after=${before}`}`),

  people: () => ask<Page<ListedPerson>>("GET", "/people"),
  changePerson: (id: string, patch: PersonPatch) =>
    ask<ListedPerson>("PATCH", `/people/${part(id)}`, patch),
  removePerson: (id: string, name: string) =>
    ask<undefined>("DELETE", `/people/${part(id)}`, { name }),
  sessionsOf: (person: string) => ask<Page<Session>>("GET", `/people/${part(person)}/sessions`),
  endSessionOf: (person: string, id: string) =>
    ask<undefined>("DELETE", `/people/${part(person)}/sessions/${part(id)}`),
  personInvites: () => ask<Page<PersonInvite>>("GET", "/invites"),
  invitePerson: (invite: NewPersonInvite) =>
    ask<NewPersonInviteLink>("POST", "/invites", invite),
  revokePersonInvite: (id: string) => ask<undefined>("DELETE", `/invites/${part(id)}`),
  invitation: (secret: string) => ask<Invitation>("POST", "/invitation", { secret }),
  acceptInvitation: (accepted: { secret: string; name: string; password: string }) =>
    ask<Me>("POST", "/invitation/acceptance", accepted),

  rooms: () => ask<Page<Room>>("GET", "/rooms"),
  room: (id: string) => ask<Room>("GET", `/rooms/${part(id)}`),
  /** Without a template: from the default one; null: from none. */
  createRoom: (name: string, template?: string | null) =>
    ask<Room>("POST", "/rooms", { name, template }),
  renameRoom: (id: string, name: string) => ask<Room>("PATCH", `/rooms/${part(id)}`, { name }),
  setLobby: (id: string, lobby: boolean) => ask<Room>("PATCH", `/rooms/${part(id)}`, { lobby }),
  setRecordAlways: (id: string, on: boolean) =>
    ask<Room>("PATCH", `/rooms/${part(id)}`, { record_always: on }),
  deleteRoom: (id: string) => ask<undefined>("DELETE", `/rooms/${part(id)}`),
  renewInvite: (id: string) => ask<Room>("POST", `/rooms/${part(id)}/invite`),
  outputs: (room: string) => ask<Page<LiveOutput>>("GET", `/rooms/${part(room)}/outputs`),
  /** Without an address players fetch it from the box. */
  addOutput: (room: string, url?: string) =>
    ask<LiveOutput>("POST", `/rooms/${part(room)}/outputs`, url === undefined ? {} : { url }),
  stopOutput: (room: string, id: string) =>
    ask<undefined>("DELETE", `/rooms/${part(room)}/outputs/${part(id)}`),
  whipKeys: (room: string) => ask<Page<WhipKey>>("GET", `/rooms/${part(room)}/whip-keys`),
  createWhipKey: (room: string, name: string, scope: WhipScope) =>
    ask<NewWhipKey>("POST", `/rooms/${part(room)}/whip-keys`, { name, scope }),
  deleteWhipKey: (room: string, id: string) =>
    ask<undefined>("DELETE", `/rooms/${part(room)}/whip-keys/${part(id)}`),
  endMeeting: (id: string) => ask<undefined>("DELETE", `/rooms/${part(id)}/meeting`),
  participants: (id: string) => ask<Page<Participant>>("GET", `/rooms/${part(id)}/participants`),
  muteParticipant: (room: string, id: string) =>
    ask<undefined>("PATCH", `/rooms/${part(room)}/participants/${part(id)}`, { muted: true }),
  letIn: (room: string, id: string) =>
    ask<undefined>("PATCH", `/rooms/${part(room)}/participants/${part(id)}`, { waiting: false }),
  removeParticipant: (room: string, id: string) =>
    ask<undefined>("DELETE", `/rooms/${part(room)}/participants/${part(id)}`),

  startRecording: (room: string, layout?: Layout) =>
    ask<Recording>("POST", `/rooms/${part(room)}/recording`, layout ? { layout } : {}),
  markRecording: (room: string, marker: string) =>
    ask<undefined>("PATCH", `/rooms/${part(room)}/recording`, { marker }),
  pauseRecording: (room: string, paused: boolean) =>
    ask<undefined>("PATCH", `/rooms/${part(room)}/recording`, { paused }),
  stopRecording: (room: string) => ask<Recording>("DELETE", `/rooms/${part(room)}/recording`),

  recordings: (asked: string, after: string | null) =>
    ask<Page<Recording>>(
      "GET",
      `/recordings?limit=30&${asked}${after ? `&after=${part(after)}` : ""}`,
    ),
  recordedDays: (starts: string[], asked: string) =>
    ask<Page<Day>>("GET", `/recordings/days?starts=${part(starts.join(","))}&${asked}`),
  recordedRooms: () => ask<Page<string>>("GET", "/recordings/rooms"),
  fleet: () => ask<FleetView>("GET", "/fleet"),
  foundFleet: () => ask<FleetView>("POST", "/fleet/hub"),
  relocateHub: (addresses: string[]) => ask<FleetView>("PATCH", "/fleet/hub", { addresses }),
  lookForHub: (addresses: string[]) => ask<FleetView>("PATCH", "/fleet/membership", { addresses }),
  joinFleet: (code: string) => ask<FleetView>("POST", "/fleet/membership", { code }),
  leaveFleet: () => ask<undefined>("DELETE", "/fleet"),
  inviteBox: () => ask<NewInvite>("POST", "/fleet/invites"),
  expelBox: (id: string) => ask<undefined>("DELETE", `/fleet/boxes/${part(id)}`),
  fleetTold: (box: string) =>
    ask<Page<ToldEvent>>("GET", `/fleet/events?limit=8&box=${part(box)}`),
  fleetRecordings: (text: string, before: string) =>
    ask<Page<FleetRecording>>(
      "GET",
      `/fleet/recordings?limit=20&text=${part(text)}${before === "" ? "" : `&before=${part(before)}`}`,
    ),
  twin: () => ask<TwinView>("GET", "/fleet/twin"),
  refuseHub: (patch: Partial<Refusals>) => ask<TwinView>("PATCH", "/fleet/twin/refusals", patch),
  decideTwin: (setting: string, choice: Choice) =>
    ask<TwinView>("POST", "/fleet/twin/decisions", { setting, choice }),
  wishes: () => ask<WishesView>("GET", "/fleet/wishes"),
  makeGroup: (group: GroupRequest) => ask<WishesView>("POST", "/fleet/groups", group),
  changeGroup: (id: string, group: GroupRequest) =>
    ask<WishesView>("PUT", `/fleet/groups/${part(id)}`, group),
  deleteGroup: (id: string) => ask<undefined>("DELETE", `/fleet/groups/${part(id)}`),
  changeWish: (box: string, patch: Partial<BoxWishPatch>) =>
    ask<WishesView>("PATCH", `/fleet/boxes/${part(box)}/wishes`, patch),
  decideWish: (box: string, setting: string, choice: Choice) =>
    ask<WishesView>("POST", `/fleet/boxes/${part(box)}/wishes/decisions`, { setting, choice }),
  waves: () => ask<Wave[]>("GET", "/fleet/waves"),
  beginWave: (wave: WaveRequest) => ask<Wave[]>("POST", "/fleet/waves", wave),
  changeWave: (id: string, act: WaveAct) => ask<Wave[]>("PATCH", `/fleet/waves/${part(id)}`, { act }),
  sendWishAnew: (box: string) =>
    ask<WishesView>("POST", `/fleet/boxes/${part(box)}/wishes/revision`),
  fleetOutages: (box: string) =>
    ask<Page<Outage>>("GET", `/fleet/boxes/${part(box)}/outages`),
  storage: () => ask<StorageReport>("GET", "/storage"),
  shares: (recording: string) => ask<Page<Share>>("GET", `/recordings/${part(recording)}/shares`),
  createShare: (recording: string, share: NewShare) =>
    ask<NewShareLink>("POST", `/recordings/${part(recording)}/shares`, share),
  revokeShare: (id: string) => ask<undefined>("DELETE", `/shares/${part(id)}`),
  recording: (id: string) => ask<Recording>("GET", `/recordings/${part(id)}`),
  renameRecording: (id: string, title: string) =>
    ask<Recording>("PATCH", `/recordings/${part(id)}`, { title }),
  holdRecording: (id: string, held: boolean) =>
    ask<Recording>("PATCH", `/recordings/${part(id)}`, { held }),
  deletions: () => ask<DeletionList>("GET", "/deletions"),
  deleteRecording: (id: string) => ask<undefined>("DELETE", `/recordings/${part(id)}`),
  timeline: (id: string) => ask<Page<TimelineItem>>("GET", `/recordings/${part(id)}/timeline`),
  filmIndex: (id: string, file: string) => ask<FilmIndex>("GET", filePath(id, file)),
  mergePlan: (ids: string[]) =>
    ask<MergePlan>("GET", `/recordings/merges?recordings=${ids.map(part).join(",")}`),
  merge: (ids: string[], title: string) =>
    ask<Recording>("POST", "/recordings/merges", { recordings: ids, ...(title && { title }) }),
  render: (
    id: string,
    wish: {
      layout: Layout;
      encoder?: Encoder;
      outputs?: Output[];
      container?: SoundContainer;
      pauses?: Pauses;
      range?: FilmRange;
    },
  ) => ask<Job>("POST", `/recordings/${part(id)}/jobs`, wish),

  schedule: (from: string, to: string) =>
    ask<ScheduleView>("GET", `/schedule?from=${part(from)}&to=${part(to)}`),
  planEvent: (event: NewEvent) => ask<ScheduledEvent>("POST", "/schedule/events", event),
  cancelEvent: (id: string) => ask<undefined>("DELETE", `/schedule/events/${part(id)}`),
  feeds: () => ask<Page<Feed>>("GET", "/schedule/feeds"),
  followFeed: (feed: NewFeed) => ask<Feed>("POST", "/schedule/feeds", feed),
  fetchFeed: (id: string) => ask<Feed>("POST", `/schedule/feeds/${part(id)}/fetch`),
  removeFeed: (id: string) => ask<undefined>("DELETE", `/schedule/feeds/${part(id)}`),
  extendRecording: (room: string, minutes: number) =>
    ask<{ ends_at: string }>("POST", `/rooms/${part(room)}/recording/extension`, { minutes }),

  jobs: () => ask<Page<Job>>("GET", "/jobs"),
  jobsOf: (recording: string) => ask<Page<Job>>("GET", `/jobs?recording=${part(recording)}`),
  changeJob: (id: string, patch: JobPatch) => ask<Job>("PATCH", `/jobs/${part(id)}`, patch),
  cancelJob: (id: string) => ask<Job>("DELETE", `/jobs/${part(id)}`),
  retryJob: (id: string) => ask<Job>("POST", `/jobs/${part(id)}/attempts`),

  status: () => ask<Status>("GET", "/status"),

  updates: () => ask<Updates>("GET", "/updates"),
  updateHistory: () => ask<Page<PastUpdate>>("GET", "/updates/history"),
  installUpdate: (request: InstallRequest) =>
    ask<Updates>("POST", "/updates/installation", request),
  decideUpdate: (decision: { now?: boolean; again?: boolean }) =>
    ask<Updates>("PATCH", "/updates/installation", decision),
  cancelUpdate: () => ask<Updates>("DELETE", "/updates/installation"),
  restart: (request: { now?: boolean; other?: boolean }) =>
    ask<Updates>("POST", "/updates/restart", request),
  checkUpdates: () => ask<Updates>("POST", "/updates/check"),

  backups: () => ask<Backups>("GET", "/backups"),
  makeBackup: (passphrase: string, password: string) =>
    ask<Backups>("POST", "/backups", { passphrase, password }),
  cancelBackup: () => ask<Backups>("DELETE", "/backups/work"),
  deleteMadeBackup: () => ask<Backups>("DELETE", "/backups/made"),
  deleteUploadedBackup: () => ask<Backups>("DELETE", "/backups/uploaded"),
  backupPlan: () => ask<Safekeeping>("GET", "/backups/plan"),
  putBackupPlan: (request: BackupPlanRequest) => ask<Safekeeping>("PUT", "/backups/plan", request),
  endBackupPlan: () => ask<Safekeeping>("DELETE", "/backups/plan"),
  runBackupPlan: () => ask<Safekeeping>("POST", "/backups/plan/runs"),
  callOffBackup: () => ask<Safekeeping>("DELETE", "/backups/plan/runs"),
  drillBackup: (source: BackupSource, passphrase: string) =>
    ask<DrillReport>("POST", "/backups/drill", { source, passphrase }),
  restoreBackup: (request: RestoreRequest) => ask<Backups>("POST", "/backups/restore", request),
  undoRestore: (password: string) => ask<Backups>("POST", "/backups/restored/undo", { password }),
  forgetRestore: () => ask<Backups>("DELETE", "/backups/restored"),
  claimRestore: (request: ClaimRestoreRequest) =>
    ask<undefined>("POST", "/claim/restore", request),

  settings: () => ask<Settings>("GET", "/settings"),
  changeSettings: (patch: SettingsPatch) => ask<Settings>("PATCH", "/settings", patch),
  tokens: () => ask<Page<ApiToken>>("GET", "/api-tokens"),
  createToken: (token: NewToken) => ask<NewApiToken>("POST", "/api-tokens", token),
  deleteToken: (id: string) => ask<undefined>("DELETE", `/api-tokens/${part(id)}`),
  encoders: () => ask<BoardEncoders>("GET", "/encoders"),
  tryEncoder: (element: string) =>
    ask<BoardEncoder>("POST", `/encoders/${part(element)}/trials`),

  keys: () => ask<Page<LivekitKey>>("GET", "/livekit-keys"),
  createKey: () => ask<NewLivekitKey>("POST", "/livekit-keys"),
  certificates: () => ask<CertificatesView>("GET", "/certificates"),
  previewCertificate: (upload: CertificateUpload) =>
    ask<CertificatePreview>("POST", "/certificates/previews", upload),
  installCertificate: (upload: CertificateUpload) =>
    ask<CertificatesView>("PUT", "/certificates/served", upload),
  revertCertificate: () => ask<CertificatesView>("DELETE", "/certificates/served"),
  requestCertificate: (request: NewCertificateRequest) =>
    ask<CertificatesView>("POST", "/certificates/request", request),
  discardCertificateRequest: () => ask<undefined>("DELETE", "/certificates/request"),
  acme: () => ask<AcmeView>("GET", "/certificates/acme"),
  putAcme: (put: AcmePut) => ask<AcmeView>("PUT", "/certificates/acme", put),
  orderCertificate: () => ask<AcmeView>("POST", "/certificates/acme/orders"),
  health: () => ask<Health>("GET", "/health"),
  acknowledgeAlarm: (id: string) => ask<Alarm>("POST", `/health/${part(id)}/acknowledgement`),
  mail: () => ask<MailView>("GET", "/integrations/mail"),
  putMail: (put: MailPut) => ask<MailView>("PUT", "/integrations/mail", put),
  testMail: () => ask<MailTrial>("POST", "/integrations/mail/tests"),
  syslog: () => ask<SyslogView>("GET", "/integrations/syslog"),
  putSyslog: (put: SyslogSettings) => ask<SyslogView>("PUT", "/integrations/syslog", put),
  support: () => ask<SupportView>("GET", "/support"),
  mqtt: () => ask<MqttView>("GET", "/integrations/mqtt"),
  putMqtt: (put: MqttPut) => ask<MqttView>("PUT", "/integrations/mqtt", put),
  testMqtt: () => ask<MqttTrial>("POST", "/integrations/mqtt/tests"),
  webhooks: () => ask<Page<Webhook>>("GET", "/integrations/webhooks"),
  createWebhook: (webhook: NewWebhook) =>
    ask<Webhook>("POST", "/integrations/webhooks", webhook),
  changeWebhook: (id: string, patch: Partial<WebhookPatch>) =>
    ask<Webhook>("PATCH", `/integrations/webhooks/${part(id)}`, patch),
  deleteWebhook: (id: string) =>
    ask<undefined>("DELETE", `/integrations/webhooks/${part(id)}`),
  deliveries: (id: string) => ask<Page<Delivery>>("GET", `/integrations/webhooks/${part(id)}/deliveries`),
  sendAgain: (id: string, event: string) =>
    ask<WebhookTrial>("POST", `/integrations/webhooks/${part(id)}/deliveries/${part(event)}/attempts`),
  testWebhook: (id: string) =>
    ask<WebhookTrial>("POST", `/integrations/webhooks/${part(id)}/tests`),
  targets: () => ask<Page<Target>>("GET", "/targets"),
  createTarget: (target: NewTarget) => ask<Target>("POST", "/targets", target),
  changeTarget: (id: string, patch: TargetPatch) =>
    ask<Target>("PATCH", `/targets/${part(id)}`, patch),
  deleteTarget: (id: string) => ask<undefined>("DELETE", `/targets/${part(id)}`),
  testTarget: (id: string) => ask<TargetTrial>("POST", `/targets/${part(id)}/tests`),
  retryTarget: (id: string) => ask<undefined>("POST", `/targets/${part(id)}/retries`),
  copies: (recording: string) =>
    ask<Page<Copy>>("GET", `/recordings/${part(recording)}/copies`),
  copyTo: (recording: string, target: string) =>
    ask<undefined>("POST", `/recordings/${part(recording)}/copies`, { target }),
  retryCopies: (recording: string) =>
    ask<undefined>("POST", `/recordings/${part(recording)}/copies/retries`),
  deleteKey: (key: string) => ask<undefined>("DELETE", `/livekit-keys/${part(key)}`),
};

/** Sends a bundle. `fetch` does not say how far it is, so this is the one place without it. */
export const uploadBundle = (
  bundle: File,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Updates> => upload<Updates>("/updates/bundle", bundle, progress, signal);

export const uploadBackup = (
  backup: File,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Backups> => upload<Backups>("/backups/uploaded", backup, progress, signal);

/** To a box without an owner, by whoever knows its code. */
export const uploadClaimBackup = (
  backup: File,
  code: string,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<undefined> =>
  upload<undefined>("/claim/backup", backup, progress, signal, { "roombox-claim-code": code });

/** Address of the backup that was made last. */
export const madeBackup = (): string => `${BASE}/backups/made`;

/** Address of a support bundle of now. */
export const supportBundle = (): string => `${BASE}/support/bundle`;

/** Address of the whole audit log. */
export const auditExport = (): string => `${BASE}/audit/export`;

/** Address of a file of a recording; `download` makes the browser keep it. */
export function fileAddress(recording: string, name: string, download = false): string {
  const address = BASE + filePath(recording, name);
  return download ? `${address}?download=1` : address;
}

function filePath(recording: string, name: string): string {
  // A name may lead into a folder of the recording.
  const path = name.split("/").map(part).join("/");
  return `/recordings/${part(recording)}/files/${path}`;
}

/** The link that lets a guest in. The secret is in the fragment: it never reaches a server's log. */
export function inviteLink(room: Room, origin: string): string | null {
  if (room.invite === null) return null;
  return `${origin}/meet/${part(room.id)}#invite=${part(room.invite)}`;
}
