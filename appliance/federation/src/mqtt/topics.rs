//! Topics of one box. Pure.
//!
//! ```text
//! roombox/<box>/status                      online, or the will: offline
//! roombox/<box>/state                       the box, JSON
//! roombox/<box>/problems                    what is wrong, JSON
//! roombox/<box>/rooms/<room>/state          a room, JSON
//! roombox/<box>/set/restart                 orders, when they are allowed
//! roombox/<box>/set/rooms/<room>/record
//! roombox/<box>/set/rooms/<room>/mute
//! roombox/<box>/probe                       what a test sends itself
//! <prefix>/device/<box>/config              discovery of the box
//! <prefix>/device/<box>/<room>/config       discovery of a room
//! <prefix>/status                           Home Assistant's own
//! ```
//!
//! They are made of ids, never of names: a name may hold anything.

/// What a topic that came from the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The box's own availability.
    Status,
    Probe,
    /// Discovery of the box, or of a room.
    Config {
        room: Option<String>,
    },
    /// State of a room.
    RoomState {
        room: String,
    },
    /// Something below where orders are expected.
    Set,
    /// Home Assistant's birth and will.
    Home,
    Other,
}

/// Topics of one box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    id: String,
    prefix: String,
}

/// Whether this is a level of a topic, and an object id of Home Assistant, by itself.
pub fn is_level(id: &str) -> bool {
    let good = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == '-';
    !id.is_empty() && id.len() <= 64 && id.chars().all(good)
}

impl Topics {
    /// `None`: the id or the discovery prefix cannot stand in a topic.
    pub fn new(id: &str, prefix: &str) -> Option<Self> {
        let good = is_level(id) && prefix.split('/').all(is_level);
        good.then(|| Self { id: id.to_owned(), prefix: prefix.to_owned() })
    }

    /// The box.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn below(&self, rest: &str) -> String {
        format!("roombox/{}/{rest}", self.id)
    }

    pub fn status(&self) -> String {
        self.below("status")
    }

    pub fn state(&self) -> String {
        self.below("state")
    }

    pub fn problems(&self) -> String {
        self.below("problems")
    }

    pub fn probe(&self) -> String {
        self.below("probe")
    }

    pub fn room_state(&self, room: &str) -> String {
        self.below(&format!("rooms/{room}/state"))
    }

    pub fn set_restart(&self) -> String {
        self.below("set/restart")
    }

    pub fn set_room(&self, room: &str, what: &str) -> String {
        self.below(&format!("set/rooms/{room}/{what}"))
    }

    /// The room and what is wanted of it, of a topic of [`Self::set_room`].
    pub fn room_of<'a>(&self, topic: &'a str) -> Option<(&'a str, &'a str)> {
        let rest = topic.strip_prefix(self.below("set/rooms/").as_str())?;
        rest.split_once('/').filter(|(room, _)| is_level(room))
    }

    /// Discovery of a room, or of the box itself.
    pub fn config(&self, room: Option<&str>) -> String {
        let Self { id, prefix } = self;
        match room {
            None => format!("{prefix}/device/{id}/config"),
            Some(room) => format!("{prefix}/device/{id}/{room}/config"),
        }
    }

    /// Home Assistant says here that it is there.
    pub fn home(&self) -> String {
        format!("{}/status", self.prefix)
    }

    /// Filter of everything that may be ordered.
    pub fn set_all(&self) -> String {
        self.below("set/#")
    }

    /// Filters of what the broker keeps of this box: what is not so any more is taken away.
    pub fn kept(&self) -> [String; 2] {
        [format!("{}/device/{}/#", self.prefix, self.id), self.below("rooms/+/state")]
    }

    /// What a topic is.
    pub fn know(&self, topic: &str) -> Known {
        if topic == self.home() {
            return Known::Home;
        }
        if let Some(rest) = topic.strip_prefix(&format!("roombox/{}/", self.id)) {
            return match rest {
                "status" => Known::Status,
                "probe" => Known::Probe,
                _ if rest.starts_with("set/") => Known::Set,
                _ => match rest.strip_prefix("rooms/").and_then(|rest| rest.strip_suffix("/state"))
                {
                    Some(room) if is_level(room) => Known::RoomState { room: room.to_owned() },
                    _ => Known::Other,
                },
            };
        }
        let config = topic.strip_prefix(&format!("{}/device/{}/", self.prefix, self.id));
        match config.and_then(|rest| rest.strip_suffix("config")) {
            Some("") => Known::Config { room: None },
            Some(room) => match room.strip_suffix('/').filter(|room| is_level(room)) {
                Some(room) => Known::Config { room: Some(room.to_owned()) },
                None => Known::Other,
            },
            None => Known::Other,
        }
    }
}
