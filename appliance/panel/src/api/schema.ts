// Names for what the box says over /api/v1. What they mean is generated: `make openapi` writes
// docs/api/openapi.json from the box's code and openapi.d.ts from that. Units are in the names:
// _ms, _s, _us, _bytes, _percent.
import type { components } from "./openapi";

type Schemas = components["schemas"];

/** A list, or a part of one that says where to go on. */
export interface Page<T> {
  items: T[];
  next?: string | null;
}

export type Timestamp = Schemas["Time"];
export type Problem = Schemas["ErrorBody"];

export type Severity = Schemas["Severity"];
export type Alarm = Schemas["Alarm"];
export type Health = Schemas["HealthView"];
export type MailTls = Schemas["MailTls"];
export type MailPut = Schemas["MailPut"];
export type MailTrial = Schemas["MailTrial"];
export type MailView = Schemas["MailView"];

export type LogLevel = Schemas["LogLevel"];
export type SyslogBy = Schemas["SyslogBy"];
export type SyslogSettings = Schemas["SyslogSettings"];
export type SyslogView = Schemas["SyslogView"];
export type SupportView = Schemas["SupportView"];

export type BoxView = Schemas["BoxInfo"];
export type ProvisioningState = Schemas["ProvisioningState"];
export type WaitingFile = Schemas["WaitingFile"];
export type ClaimState = Schemas["ClaimState"];
export type Me = Schemas["Me"];
export type Role = Schemas["Role"];
export type Action = Schemas["Action"];
export type ListedPerson = Schemas["ListedPerson"];
export type PersonPatch = Schemas["PersonPatch"];
export type BegunFactor = Schemas["BegunFactor"];
export type RecoveryCodes = Schemas["RecoveryCodes"];
export type Session = Schemas["Session"];
export type PersonInvite = Schemas["PersonInvite"];
export type NewPersonInvite = Schemas["NewPersonInvite"];
export type NewPersonInviteLink = Schemas["NewPersonInviteLink"];
export type AuditEntry = Schemas["AuditEntry"];
export type AuditState = Schemas["AuditState"];
export type AuditPage = Schemas["AuditPage"];
export type Invitation = Schemas["Invitation"];

export type Backups = Schemas["BackupsView"];
export type BackupPlan = Schemas["BackupPlan"];
export type BackupPlace = Schemas["BackupPlace"];
export type BackupPlanRequest = Schemas["BackupPlanRequest"];
export type Safekeeping = Schemas["SafekeepingView"];
export type BackupSource = Schemas["BackupSource"];
export type BackupFile = Schemas["BackupFile"];
export type DrillReport = Schemas["DrillReport"];
export type RestoreAs = Schemas["RestoreAs"];
export type RestoreRequest = Schemas["RestoreRequest"];
export type ClaimRestoreRequest = Schemas["ClaimRestoreRequest"];

export type Room = Schemas["Room"];
export type RoomRules = Schemas["RoomRules"];
export type VideoCodec = Schemas["VideoCodec"];
export type RoomSetting = Schemas["RoomSetting"];
export type RoomSettings = Schemas["RoomSettings"];
export type RoomSettingsPatch = Schemas["RoomSettingsPatch"];
export type RoomTemplate = Schemas["RoomTemplate"];
export type NewRoomTemplate = Schemas["NewRoomTemplate"];
export type RoomTemplatePatch = Schemas["RoomTemplatePatch"];
export type TemplatePreview = Schemas["TemplatePreview"];
export type RulesPatch = Schemas["RulesPatch"];
export type RoomPin = Schemas["RoomPin"];
export type LinkRole = Schemas["LinkRole"];
export type RoomLink = Schemas["RoomLink"];
export type NewRoomLink = Schemas["NewRoomLink"];
export type NewRoomLinkSecret = Schemas["NewRoomLinkSecret"];
export type ModerationAct = Schemas["ModerationAct"];
export type GuestEntry = Schemas["GuestEntry"];
export type Participant = Schemas["Participant"];
export type Door = Schemas["Doorplate"];
export type JoinToken = Schemas["JoinToken"];

export type Layout = Schemas["Layout"];
export type Encoder = Schemas["Encoder"];
export type BoardEncoder = Schemas["BoardEncoder"];
export type BoardEncoders = Schemas["BoardEncoders"];
export type EncoderState = Schemas["EncoderState"];

export type Recording = Schemas["Recording"];
export type MergePlan = Schemas["MergePlan"];
export type MergedPart = Schemas["MergedPart"];
export type RecordingState = Schemas["RecordingState"];
export type RecordedTrack = Schemas["RecordedTrack"];
export type MadeFile = Schemas["RecordedFile"];
export type Output = Schemas["Output"];
export type SoundContainer = Schemas["SoundContainer"];
export type Pauses = Schemas["Pauses"];
export type DeletionList = Schemas["DeletionList"];
export type GapReason = Schemas["GapReason"];
export type TimelineItem = Schemas["TimelineItem"];
export type Job = Schemas["Job"];
export type JobPatch = Schemas["JobPatch"];
export type JobWait = Schemas["JobWait"];

export type Day = Schemas["Day"];
export type DayEntry = Schemas["DayEntry"];
export type FilmRange = Schemas["FilmRange"];
export type Share = Schemas["Share"];
export type NewShare = Schemas["NewShare"];
export type NewShareLink = Schemas["NewShareLink"];
export type SharedFilm = Schemas["SharedFilm"];

export type ScheduledEvent = Schemas["ScheduledEvent"];
export type ScheduleState = Schemas["ScheduleState"];
export type ScheduleView = Schemas["ScheduleView"];
export type NewEvent = Schemas["NewEvent"];
export type Feed = Schemas["Feed"];
export type NewFeed = Schemas["NewFeed"];

export type FleetView = Schemas["FleetView"];
export type FleetBox = Schemas["FleetBox"];
export type BoxPulse = Schemas["BoxPulse"];
export type ToldEvent = Schemas["ToldEvent"];
export type Outage = Schemas["Outage"];
export type FleetRecording = Schemas["FleetRecording"];
export type LinkState = Schemas["LinkState"];
export type NewInvite = Schemas["NewInvite"];
export type TwinView = Schemas["TwinView"];
export type TwinEntry = Schemas["TwinEntry"];
export type Choice = Schemas["Choice"];
export type Refusals = Schemas["Refusals"];
export type RefusedCounts = Schemas["RefusedCounts"];
export type WishesView = Schemas["WishesView"];
export type FleetGroup = Schemas["FleetGroup"];
export type BoxWish = Schemas["BoxWish"];
export type BoxWishPatch = Schemas["BoxWishPatch"];
export type GroupRequest = Schemas["GroupRequest"];
export type Wave = Schemas["Wave"];
export type WaveAct = Schemas["WaveAct"];
export type WaveRequest = Schemas["WaveRequest"];

export type StorageReport = Schemas["StorageReport"];
export type Forecast = Schemas["Forecast"];

export type Sample = Schemas["Sample"];
export type Status = Schemas["StatusReport"];
export type Disk = Schemas["Disk"];
export type Shard = Schemas["ShardSample"];
export type LoadPoint = Schemas["Point"];

export type Updates = Schemas["UpdatesView"];
export type UpdateState = Schemas["UpdateState"];
export type Slot = Schemas["Slot"];
export type FoundBundle = Schemas["FoundBundle"];
export type PastUpdate = Schemas["PastUpdate"];
export type InstallRequest = Schemas["InstallRequest"];

export type ApiToken = Schemas["ApiToken"];
export type NewToken = Schemas["NewToken"];
export type NewApiToken = Schemas["NewApiToken"];
export type LivekitKey = Schemas["ListedKey"];
export type NewLivekitKey = Schemas["NewLivekitKey"];
export type LiveOutput = Schemas["LiveOutput"];
export type WhipKey = Schemas["WhipKey"];
export type WhipScope = Schemas["WhipScope"];
export type NewWhipKey = Schemas["NewWhipKey"];

export type Webhook = Schemas["Webhook"];
export type NewWebhook = Schemas["NewWebhook"];
export type WebhookPatch = Schemas["WebhookPatch"];
export type WebhookTrial = Schemas["WebhookTrial"];
export type Delivery = Schemas["Delivery"];
export type OidcView = Schemas["OidcView"];
export type OidcSettings = Schemas["OidcSettings"];
export type OidcPut = Schemas["OidcPut"];
export type OidcFound = Schemas["OidcFound"];
export type OidcTrial = Schemas["OidcTrial"];
export type OidcButton = Schemas["OidcButton"];
export type RemovedPerson = Schemas["RemovedPerson"];
export type PersonIdentity = Schemas["PersonIdentity"];
export type MqttView = Schemas["MqttView"];
export type MqttTls = Schemas["MqttTls"];
export type MqttPut = Schemas["MqttPut"];
export type MqttTrial = Schemas["MqttTrial"];
export type CertificatesView = Schemas["CertificatesView"];
export type CertificateFacts = Schemas["CertificateFacts"];
export type CertificateUpload = Schemas["CertificateUpload"];
export type CertificatePreview = Schemas["CertificatePreview"];
export type CertificateRequest = Schemas["CertificateRequest"];
export type AcmeView = Schemas["AcmeView"];
export type AcmeProof = Schemas["AcmeProof"];
export type AcmePut = Schemas["AcmePut"];
export type AcmeProgress = Schemas["AcmeProgress"];
export type NewCertificateRequest = Schemas["NewCertificateRequest"];
export type RoomsHeard = Schemas["RoomsHeard"];

export type Place = Schemas["Place"];
export type Secrets = Schemas["Secrets"];
export type Contents = Schemas["Contents"];
export type Hours = Schemas["Hours"];
export type NewTarget = Schemas["NewTarget"];
export type TargetPatch = Schemas["TargetPatch"];
export type TargetTally = Schemas["TargetTally"];
export type Moving = Schemas["Moving"];
export type Target = Schemas["Target"];
export type TargetTrial = Schemas["TargetTrial"];
export type CopyState = Schemas["CopyState"];
export type Copy = Schemas["Copy"];

export type RecorderMode = Schemas["RecorderMode"];
export type Settings = Schemas["Settings"];
export type SettingsPatch = Schemas["SettingsPatch"];
export type SettingsPreview = Schemas["SettingsPreview"];
export type ForeignKey = Schemas["ForeignKey"];
export type ForeignVerdict = Schemas["ForeignVerdict"];

export type EventMessage = Schemas["EventMessage"];

export type NetworkView = Schemas["NetworkView"];
export type NetworkTrial = Schemas["NetworkTrial"];
export type NetworkTrialView = Schemas["NetworkTrialView"];
export type NetworkLink = Schemas["Link"];
export type InterfaceSettings = Schemas["InterfaceSettings"];
export type ProxySettings = Schemas["ProxySettings"];
export type ProxyTrial = Schemas["ProxyTrial"];
export type WifiJoin = Schemas["WifiJoin"];
export type WifiNetwork = Schemas["WifiNetwork"];
export type WifiView = Schemas["WifiView"];
export type TimeView = Schemas["TimeView"];
export type TimePut = Schemas["TimePut"];

export type MeetingTools = Schemas["ToolsView"];
export type MeetingPoll = Schemas["Poll"];
export type MeetingTimer = Schemas["Timer"];
export type Handout = Schemas["Handout"];
export type NewPoll = Schemas["NewPoll"];

export type SetupView = Schemas["SetupView"];
export type SetupPatch = Schemas["SetupPatch"];
export type SetupStep = Schemas["SetupStep"];
export type StepState = Schemas["StepState"];
export type StepMark = Schemas["StepMark"];
