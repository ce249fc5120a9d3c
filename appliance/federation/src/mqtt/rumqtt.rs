//! The broker by rumqttc: MQTT 3.1.1 over a line that the daemon dials.
//!
//! rumqttc would connect again by itself and send what it kept; here each of its event loops has one
//! connection, in a task of its own, and what is to be said after it is the link's to know.

use super::broker::{Broker, BrokerError, Heard, Message, Wire};
use roombox_control::conference::Later;
use roombox_control::mqtt::MqttRow;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    Packet, QoS, SubscribeFilter, SubscribeReasonCode,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For everything that the broker has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds: after one and a half of these without a word the broker publishes the will.
const KEEP_ALIVE_S: u16 = 20;
/// Messages that wait to be sent; whoever publishes more waits.
const OUTGOING: usize = 32;
/// Messages that came and wait to be looked at; while it is full, nothing more is read from the broker.
const INCOMING: usize = 64;
/// Bytes; discovery of a box is about 10,000. A longer one that comes ends the connection.
const LARGEST: usize = 256 * 1024;

/// A line to a broker, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// Who makes lines to brokers; the daemon's.
pub trait Dial: Send + Sync {
    fn dial<'a>(&'a self, row: &'a MqttRow) -> Later<'a, Result<Box<dyn Stream>, BrokerError>>;
}

/// Brokers, by rumqttc.
pub struct Rumqtt {
    pub dial: Arc<dyn Dial>,
}

impl Broker for Rumqtt {
    fn connect<'a>(
        &'a self,
        row: &'a MqttRow,
        client: String,
        will: Option<Message>,
    ) -> Later<'a, Result<Box<dyn Wire>, BrokerError>> {
        Box::pin(async move {
            let line = timeout(PATIENCE, self.dial.dial(row)).await;
            let line = line.map_err(|_| no_answer(&row.settings.host))??;
            let (client, mut events) =
                AsyncClient::builder(options(row, client, will, line)).build();
            let greeted = timeout(PATIENCE, events.poll()).await;
            match greeted.map_err(|_| no_answer(&row.settings.host))? {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {}
                Ok(other) => return Err(BrokerError::Protocol(format!("it began with {other:?}"))),
                Err(ConnectionError::NetworkTimeout) => {
                    return Err(no_answer(&row.settings.host));
                }
                Err(error) => return Err(read(error)),
            }
            let (told, heard) = mpsc::channel(INCOMING);
            let task = tokio::spawn(turn(events, told));
            Ok(Box::new(Connection { client, heard, task }) as Box<dyn Wire>)
        })
    }
}

fn no_answer(host: &str) -> BrokerError {
    BrokerError::Unreachable(format!("{host} does not answer in time"))
}

fn options(
    row: &MqttRow,
    client: String,
    will: Option<Message>,
    line: Box<dyn Stream>,
) -> MqttOptions {
    let settings = &row.settings;
    let mut options = MqttOptions::new(client, (settings.host.clone(), settings.port));
    options.set_keep_alive(KEEP_ALIVE_S).set_clean_session(true);
    options.set_request_channel_capacity(OUTGOING).set_max_packet_size(LARGEST, LARGEST);
    match (settings.user.is_empty(), row.password.is_empty()) {
        (true, _) => {}
        (false, true) => drop(options.set_username(settings.user.clone())),
        (false, false) => {
            options.set_credentials(settings.user.clone(), row.password.clone());
        }
    }
    if let Some(Message { topic, payload, retain }) = will {
        options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, retain));
    }
    // One line, for one connection.
    let line = Arc::new(Mutex::new(Some(line)));
    options.set_socket_connector(move |_, _| {
        let line = line.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { line.ok_or_else(|| std::io::ErrorKind::NotConnected.into()) }
    });
    options
}

/// Turns the event loop until its connection ends.
async fn turn(mut events: EventLoop, told: mpsc::Sender<Result<Heard, BrokerError>>) {
    loop {
        let news = match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(came))) => Ok(Heard {
                topic: String::from_utf8_lossy(&came.topic).into_owned(),
                payload: came.payload.to_vec(),
                retained: came.retain,
            }),
            Ok(_) => continue,
            Err(error) => Err(read(error)),
        };
        let over = news.is_err();
        if told.send(news).await.is_err() || over {
            return;
        }
    }
}

fn read(error: ConnectionError) -> BrokerError {
    use ConnectReturnCode as Code;
    match error {
        ConnectionError::ConnectionRefused(Code::BadUserNamePassword) => BrokerError::Credentials,
        // What mosquitto says of a wrong password, too.
        ConnectionError::ConnectionRefused(Code::NotAuthorized) => BrokerError::Credentials,
        ConnectionError::ConnectionRefused(_) => BrokerError::NotTaken,
        other => BrokerError::Protocol(other.to_string()),
    }
}

struct Connection {
    client: AsyncClient,
    heard: mpsc::Receiver<Result<Heard, BrokerError>>,
    task: JoinHandle<()>,
}

impl Connection {
    fn over() -> BrokerError {
        BrokerError::Protocol("the connection is over".to_owned())
    }
}

impl Wire for Connection {
    fn publish(&mut self, message: Message) -> Later<'_, Result<(), BrokerError>> {
        Box::pin(async move {
            let Message { topic, payload, retain } = message;
            let sent = self.client.publish(topic, QoS::AtLeastOnce, retain, payload);
            let sent = timeout(PATIENCE, sent).await;
            let slow = || BrokerError::Protocol("it takes nothing any more".to_owned());
            sent.map_err(|_| slow())?.map_err(|_| Self::over())
        })
    }

    fn subscribe(&mut self, filters: Vec<String>) -> Later<'_, Result<(), BrokerError>> {
        Box::pin(async move {
            let asked = filters.iter().cloned();
            let asked = asked.map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
            let notice = self.client.subscribe_many_tracked(asked).await;
            let notice = notice.map_err(|_| Self::over())?;
            let agreed = timeout(PATIENCE, notice.wait_async()).await;
            let slow = || BrokerError::Protocol("it does not answer".to_owned());
            let agreed = agreed.map_err(|_| slow())?.map_err(|_| Self::over())?;
            let no = |code: &SubscribeReasonCode| *code == SubscribeReasonCode::Failure;
            match filters.iter().zip(&agreed.return_codes).find(|(_, code)| no(code)) {
                Some((filter, _)) => Err(BrokerError::Topics(format!("read {filter}"))),
                None => Ok(()),
            }
        })
    }

    fn next(&mut self) -> Later<'_, Result<Heard, BrokerError>> {
        Box::pin(async move { self.heard.recv().await.unwrap_or_else(|| Err(Self::over())) })
    }

    fn close(mut self: Box<Self>) -> Later<'static, ()> {
        Box::pin(async move {
            let asked = self.client.disconnect_with_timeout(PATIENCE / 4).await;
            // What still comes is for nobody, and must not keep the loop from turning.
            let ended = async { while self.heard.recv().await.is_some() {} };
            if asked.is_err() || timeout(PATIENCE / 2, ended).await.is_err() {
                tracing::debug!("the broker was left without a word");
            }
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
