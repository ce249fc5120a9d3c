//! Everything in its place: the services of `roombox-control` over the media plane, the recorder
//! and the workers, and the tasks that carry news between them.

use crate::acme::{self, BoxAcme};
use crate::ahead::AheadDesk;
use crate::backups::{self, BackupsPlan};
use crate::carrier::CopyCarrier;
use crate::clock;
use crate::conference::BoxConference;
use crate::courier::WebhookCourier;
use crate::feeds::Calendars;
use crate::fleet::{BoxGear, Errands, FleetKeeper};
use crate::image;
use crate::live::LiveDesk;
use crate::mqtt::{self, BoxCaller};
use crate::news::{self, RoomNewsDesk};
use crate::premises::HousePremises;
use crate::rauc::Rauc;
use crate::recorder::BoxRecorder;
use crate::reports;
use crate::trials;
use crate::upkeep;
use crate::vitals::Vitals;
use crate::workers::ChildWorkers;
use crate::{machine, meeting_tools};
use anyhow::Context;
use roombox_api::livekit::LivekitDoor;
use roombox_api::panel::PanelDoor;
use roombox_api::whip::WhipDoor;
use roombox_control::audit::Audit;
use roombox_control::backup::Reserve;
use roombox_control::backup::Restored;
use roombox_control::certificates::{Acme, Certificates};
use roombox_control::egress::{Egress, Uploads};
use roombox_control::encoders::{EncoderDesk, EncodersParts};
use roombox_control::events::Events;
use roombox_control::fleet::{Fleet, Ordered, Twin};
use roombox_control::health::{Gatherer, Health, Notices};
use roombox_control::identity::BoxIdentity;
use roombox_control::jobs::{Jobs, JobsParts};
use roombox_control::keys::LivekitKeys;
use roombox_control::loans::{Loans, LoansParts};
use roombox_control::lobby::Lobby;
use roombox_control::logs::LogBook;
use roombox_control::mqtt::{Mqtt, MqttParts};
use roombox_control::outputs::Outputs;
use roombox_control::people::{Factors, Invites, People, Sessions, Standing, Tokens};
use roombox_control::provisioning::ProvisioningDesk;
use roombox_control::recordings::{Recordings, RecordingsParts};
use roombox_control::reset::Reset;
use roombox_control::retention::Retention;
use roombox_control::rooms::Rooms;
use roombox_control::rooms::templates::RoomTemplates;
use roombox_control::schedule::Schedule;
use roombox_control::settings::{Settings, SettingsDesk};
use roombox_control::setup::Setup;
use roombox_control::shares::Shares;
use roombox_control::spares::{self, MendNote};
use roombox_control::status::Status;
use roombox_control::storage::Storage;
use roombox_control::store::Store;
use roombox_control::support::Support;
use roombox_control::targets::Targets;
use roombox_control::updates::{Folders, Updates, UpdatesParts};
use roombox_control::webhooks::Webhooks;
use roombox_control::whip_keys::WhipKeys;
use roombox_federation::mqtt::Link;
use roombox_net::Plane;
use roombox_sfu::Notice;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

/// How the house is built.
pub struct HousePlan {
    pub data: PathBuf,
    pub dev: bool,
    /// `roombox-media`.
    pub worker: PathBuf,
    /// Settings to begin with, if the box has none.
    pub import: Option<Settings>,
    /// The id that follows from the box's key.
    pub key_id: Option<String>,
    /// The folder in which the system's own files are.
    pub image: PathBuf,
    /// Where sticks are mounted.
    pub usb: PathBuf,
    /// The journal of the box's starts.
    pub boots: Option<PathBuf>,
    /// The service's folder below `/run`.
    pub run: PathBuf,
    /// Of the box, for its fleet.
    pub gear: Arc<BoxGear>,
    /// Asks for another start.
    pub restart: Arc<Notify>,
    /// The newest lines of the log.
    pub book: Arc<LogBook>,
    /// This start has put a restored box into its place, or given that up.
    pub restored: Option<Restored>,
    /// This start has put a damaged database aside.
    pub mended: Option<MendNote>,
}

/// The box, ready to be served.
pub struct House {
    pub people: Arc<People>,
    pub livekit: LivekitDoor,
    pub panel: PanelDoor,
    pub whip: WhipDoor,
    pub conference: Arc<BoxConference>,
    pub recorder: Arc<BoxRecorder>,
    /// Ends once the media plane has stopped and its last news are kept.
    pub news: JoinHandle<()>,
    /// Keeps the box in its fleet, once it serves.
    pub fleet: FleetKeeper,
}

impl House {
    /// Opens the store, mends what a crash left and starts the tasks.
    ///
    /// # Errors
    /// The store or the recordings' folder cannot be used.
    pub async fn build(
        plan: HousePlan,
        plane: Arc<Plane>,
        notices: mpsc::Receiver<Notice>,
    ) -> anyhow::Result<Self> {
        let root = plan.data.join("recordings");
        let store = Arc::new(Store::open(&plan.data.join("roombox.db"))?);
        spares::come_back(&store, &plan.data).await?;
        let events = Arc::new(Events::default());
        let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await?);
        let proxy = crate::proxy::begin(&settings);
        if let Some(import) = plan.import {
            match settings.begin_with(import).await.context("the settings cannot be imported")? {
                true => tracing::info!("the settings were imported"),
                false => tracing::info!("the box has settings of its own: nothing was imported"),
            }
        }
        let identity = Arc::new(BoxIdentity::load(store.clone(), plan.key_id, plan.dev).await?);
        let standing = Standing::default();
        let audit = Arc::new(Audit::new(store.clone()));
        if let Some(restored) = &plan.restored {
            audit.note(reports::restored(restored)).await;
        }
        if let Some(note) = plan.mended {
            audit.note(reports::mended(note)).await;
        }
        tokio::spawn(audit.clone().run());
        let factors = Arc::new(Factors::new(store.clone(), events.clone()));
        let people = People::load(store.clone(), events.clone(), standing.clone(), factors.clone());
        let people = Arc::new(people.await?);
        let sessions = Arc::new(Sessions::new(store.clone(), standing.clone()));
        let tokens = Arc::new(Tokens::new(store.clone(), standing.clone()));
        let invites = Arc::new(Invites::new(store.clone(), events.clone()));
        let oidc = crate::oidc::begin(store.clone(), events.clone(), standing.clone()).await?;
        let provisioning = Arc::new(ProvisioningDesk::new(
            plan.data.join("provision"),
            store.clone(),
            people.clone(),
            identity.clone(),
            settings.clone(),
        ));
        if let Err(error) = provisioning.arrive().await {
            // The box is of use without it, and the file stays for the next start.
            tracing::error!(%error, "a roombox.toml cannot be looked at");
        }
        let keys = Arc::new(LivekitKeys::load(store.clone(), plan.dev).await?);
        let lobby = Arc::new(Lobby::load(store.clone(), keys.clone()).await?);
        let conference = Arc::new(BoxConference::new(
            plane.clone(),
            settings.clone(),
            keys.clone(),
            lobby.clone(),
        ));
        let kept_free = settings.clone();
        let reserve: Reserve = Arc::new(move || kept_free.get().recording.reserve_bytes);
        let (recorder, recorder_news) = BoxRecorder::start(plane.clone(), &root, reserve.clone())?;
        let runtime = tokio::runtime::Handle::current();
        let system = image::look(&plan.image);
        let encoders = EncoderDesk::load(EncodersParts {
            store: store.clone(),
            events: events.clone(),
            listed: image::encoders(&plan.image),
            boot_id: system.boot_id.clone(),
            version: system.version.clone(),
        })
        .await?;
        let workers =
            ChildWorkers::new(plan.worker.clone(), root.clone(), runtime, encoders.clone());
        let (jobs, desk) = Jobs::new(JobsParts {
            store: store.clone(),
            events: events.clone(),
            settings: settings.clone(),
            workers: workers.clone(),
            machine: machine::at_first(),
        });
        workers.report_to(&jobs);
        let recordings = Arc::new(Recordings::new(RecordingsParts {
            store: store.clone(),
            conference: conference.clone(),
            recorder: recorder.clone(),
            jobs: jobs.clone(),
            settings: settings.clone(),
            events: events.clone(),
            root: root.clone(),
        }));
        let rooms = Arc::new(Rooms::new(
            store.clone(),
            conference.clone(),
            recordings.clone(),
            lobby,
            events.clone(),
        ));
        let premises = Arc::new(HousePremises {
            conference: conference.clone(),
            recordings: recordings.clone(),
            recorder: recorder.clone(),
        });
        let (network, timekeeping) = premises.surroundings(store.clone());
        let updates = Updates::load(UpdatesParts {
            store: store.clone(),
            events: events.clone(),
            settings: settings.clone(),
            updater: Arc::new(Rauc::default()),
            premises,
            image: system,
            folders: Folders {
                uploads: plan.data.join("updates"),
                usb: plan.usb,
                boots: plan.boots,
            },
        })
        .await?;
        let whip_keys = Arc::new(WhipKeys::new(store.clone()));
        let whip = WhipDoor::new(conference.clone(), whip_keys.clone());
        let status = Arc::new(Status::new(events.clone()));
        recordings.recover().await.context("the recordings cannot be looked through")?;
        tokio::spawn(upkeep::learn_people(recordings.clone()));
        tokio::spawn(recordings.clone().find_films());
        tokio::spawn(async move {
            if let Err(error) = desk.run().await {
                tracing::error!(%error, "the job desk has stopped");
            }
        });
        let courier = Arc::new(WebhookCourier::new(plan.dev));
        let webhooks = Webhooks::load(store.clone(), keys.clone(), events.clone(), courier).await?;
        tokio::spawn(webhooks.clone().run());
        let meeting = meeting_tools::begin(&conference, &recorder, &settings, &plan.data);
        let news = RoomNewsDesk {
            rooms: rooms.clone(),
            recordings: recordings.clone(),
            webhooks: webhooks.clone(),
            events: events.clone(),
            tools: meeting.tools.clone(),
        };
        let news = tokio::spawn(news.follow(notices));
        tokio::spawn(upkeep::follow_recorder(recordings.clone(), recorder.clone(), recorder_news));
        let ((hold, held), (meets, met)) = (watch::channel(false), watch::channel(false));
        let told = (hold, meets);
        tokio::spawn(machine::look_after(plane.clone(), settings.clone(), jobs.clone(), told));
        tokio::spawn(trials::run(encoders.clone(), plan.worker.clone(), met));
        let ahead = AheadDesk::new(
            recordings.clone(),
            encoders.clone(),
            (plan.worker.clone(), root.clone()),
            held,
        );
        tokio::spawn(ahead.run());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let outputs = Outputs::new(
            store.clone(),
            recordings.clone(),
            events.clone(),
            plan.data.join("live"),
            (cores / 2).max(1),
        );
        let desk = LiveDesk::new(outputs.clone(), recordings.clone(), plan.worker, root.clone());
        tokio::spawn(desk.run());
        let vitals =
            Vitals::new(plane, recordings.clone(), recorder.clone(), store.clone(), root.clone());
        tokio::spawn(vitals.keep_sampling(status.clone()));
        tokio::spawn(upkeep::stay_small(status.clone()));
        tokio::spawn(updates.clone().watch());
        let (egress, told) =
            Egress::new(store.clone(), rooms.clone(), recordings.clone(), outputs.clone());
        tokio::spawn(egress.clone().follow(events.clone()));
        let carrier = Arc::new(CopyCarrier::default());
        let uploads = Uploads::new(store.clone(), egress.clone(), carrier.clone(), root.clone());
        tokio::spawn(uploads.run(events.clone()));
        tokio::spawn(news::tell_of_egress(webhooks.clone(), egress.clone(), told));
        let livekit = LivekitDoor::new(conference.clone(), egress, recordings.clone(), plan.dev);
        let retention = Arc::new(Retention::new(
            store.clone(),
            recordings.clone(),
            recorder.clone(),
            settings.clone(),
        ));
        let storage = Arc::new(Storage::new(
            store.clone(),
            recordings.clone(),
            recorder.clone(),
            retention.clone(),
        ));
        let schedule = Schedule::new(
            (store.clone(), events.clone()),
            rooms.clone(),
            recordings.clone(),
            Arc::new(Calendars),
        );
        let dev = plan.dev;
        let by_hand = timekeeping.clone();
        tokio::spawn(
            schedule
                .clone()
                .run(move || clock::moment(dev || clock::is_believable(), by_hand.set_by_hand())),
        );
        let shares = Arc::new(Shares::new(store.clone(), events.clone(), root.clone()));
        let targets =
            Targets::load(store.clone(), events.clone(), carrier.clone(), root, plan.data.clone())
                .await?;
        tokio::spawn(targets.clone().run());
        tokio::spawn(upkeep::keep_house(retention.clone(), storage.clone(), plan.dev));
        let reset = Arc::new(Reset {
            run: plan.run,
            people: people.clone(),
            identity: identity.clone(),
            recordings: recordings.clone(),
        });
        let fleet = Arc::new(Fleet::new(store.clone(), identity.clone(), plan.gear.clone()));
        let twin = Twin::load(store.clone(), settings.clone(), events.clone()).await?;
        let twin = Arc::new(twin);
        tokio::spawn(twin.clone().follow(fleet.clone()));
        let waved = Ordered::new(store.clone(), updates.clone(), twin.clone());
        let waved = Arc::new(waved);
        tokio::spawn(waved.clone().run());
        let errands = Arc::new(Errands {
            gear: plan.gear.clone(),
            identity: identity.clone(),
            jobs: jobs.clone(),
            settings: settings.clone(),
            workers,
            twin: twin.clone(),
            folder: plan.data.join("errands"),
            whose: Mutex::default(),
        });
        // One that is done and one that comes meanwhile: whoever is late asks somebody else.
        let (orders, ordered) = mpsc::channel(1);
        tokio::spawn(errands.clone().run(ordered));
        let loans = Arc::new(Loans::new(LoansParts {
            store: store.clone(),
            gear: plan.gear.clone(),
            jobs: jobs.clone(),
            settings: settings.clone(),
            twin: twin.clone(),
            root: plan.data.join("recordings"),
        }));
        let certificates = Certificates::load(&plan.data.join("secrets"), events.clone());
        let acme = Acme::load(certificates.clone(), Arc::new(BoxAcme));
        tokio::spawn(acme::keep(acme.clone()));
        let given_up = match plan.restored {
            Some(Restored::GivenUp(given_up)) => Some(given_up),
            Some(Restored::Done(_)) | None => None,
        };
        let notices = Arc::new(Notices::load(plan.data.clone(), given_up));
        let health = Health::load(store.clone(), events.clone(), notices.clone()).await?;
        let alarms = news::tell_of_alarms(webhooks.clone(), health.clone(), identity.clone());
        tokio::spawn(alarms);
        let mqtt = Mqtt::load(MqttParts {
            store: store.clone(),
            events: events.clone(),
            identity: identity.clone(),
            status: status.clone(),
            rooms: rooms.clone(),
            recordings: recordings.clone(),
            updates: updates.clone(),
            health: health.clone(),
            caller: Arc::new(BoxCaller { id: identity.id().to_owned() }),
        })
        .await?;
        let (backups, safekeeping) = backups::begin(BackupsPlan {
            store: store.clone(),
            identity: identity.clone(),
            reserve,
            recordings: recordings.clone(),
            retention: retention.clone(),
            targets: targets.clone(),
            carrier,
            data: plan.data.clone(),
            restart: plan.restart,
        })
        .await?;
        let store_events = (store.clone(), events.clone());
        let (mail, syslog) =
            reports::begin(store_events, identity.clone(), health.clone(), plan.book.clone())
                .await?;
        let asked = Arc::new(Gatherer {
            store: store.clone(),
            status: status.clone(),
            retention: retention.clone(),
            certificates: certificates.clone(),
            acme: acme.clone(),
            targets: targets.clone(),
            encoders: encoders.clone(),
            webhooks: webhooks.clone(),
            updates: updates.clone(),
            audit: audit.clone(),
            fleet: fleet.clone(),
            mqtt: mqtt.clone(),
            mail: mail.clone(),
            syslog: syslog.clone(),
            notices,
            safekeeping: safekeeping.clone(),
        });
        tokio::spawn(asked.clone().run(health.clone(), clock::since_boot));
        let support = Arc::new(Support {
            asked,
            identity: identity.clone(),
            book: plan.book,
            health: health.clone(),
            settings: settings.clone(),
            jobs: jobs.clone(),
        });
        let looked_at = (timekeeping.clone(), certificates.clone());
        let setup = Setup::new(store.clone(), identity.clone(), looked_at);
        let templates =
            RoomTemplates::new(store.clone(), rooms.clone(), targets.clone(), events.clone());
        let templates = Arc::new(templates);
        let link =
            Link { mqtt: mqtt.clone(), broker: Arc::new(mqtt::broker()), chance: mqtt::chance };
        tokio::spawn(link.run());
        let keeper = FleetKeeper {
            fleet: fleet.clone(),
            store,
            gear: plan.gear.clone(),
            data: plan.data,
            pulse: reports::pulse(
                status.clone(),
                identity.clone(),
                health.clone(),
                (errands, plan.gear),
                waved.clone(),
            ),
            twin: twin.clone(),
            ordered: waved,
            errands: orders,
        };
        let panel = PanelDoor {
            provisioning,
            reset,
            identity,
            people: people.clone(),
            sessions,
            tokens,
            invites,
            standing,
            factors,
            audit,
            certificates,
            acme,
            templates,
            rooms,
            recordings,
            retention,
            schedule,
            shares,
            storage,
            targets,
            jobs,
            encoders,
            keys,
            mqtt,
            oidc,
            outputs,
            whip_keys,
            settings,
            status,
            updates,
            webhooks,
            events,
            fleet,
            health,
            mail,
            syslog,
            support,
            loans,
            twin,
            backups,
            safekeeping,
            network,
            proxy,
            timekeeping,
            meeting,
            setup,
        };
        Ok(Self { people, livekit, panel, whip, conference, recorder, news, fleet: keeper })
    }
}

/// The worker's program: beside this one, unless told otherwise.
pub fn worker_beside_us(told: Option<&Path>) -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("roombox-media"));
    told.map(Path::to_owned).or_else(beside).unwrap_or_else(|| PathBuf::from("roombox-media"))
}
